/* Files that tests make, and what they look at most. */
#pragma once

#include "check.h"

/* A file of that text, open to read and write from its beginning. */
static inline int make_file(const char *path, const char *text)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), (long)strlen(text));
	CHECK_OK(lseek(fd, 0, SEEK_SET));
	return fd;
}

static inline long size_of(const char *path)
{
	struct stat st;
	CHECK_OK(stat(path, &st));
	return st.st_size;
}
