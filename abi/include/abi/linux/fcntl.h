/* Linux's numbers for files: open flags, modes, *at flags, fcntl commands. */
#pragma once

#define O_ACCMODE   00000003
#define O_RDONLY    00000000
#define O_WRONLY    00000001
#define O_RDWR      00000002
#define O_CREAT     00000100
#define O_EXCL      00000200
#define O_NOCTTY    00000400
#define O_TRUNC     00001000
#define O_APPEND    00002000
#define O_NONBLOCK  00004000
#define O_DSYNC     00010000
#define O_ASYNC     00020000
#define O_DIRECT    00040000
#define O_LARGEFILE 00100000
#define O_DIRECTORY 00200000
#define O_NOFOLLOW  00400000
#define O_NOATIME   01000000
#define O_CLOEXEC   02000000
#define O_SYNC      04010000
#define O_PATH      010000000
#define O_TMPFILE   020200000

#define S_IFMT           0170000
#define S_IFSOCK         0140000
#define S_IFLNK          0120000
#define S_IFREG          0100000
#define S_IFBLK          0060000
#define S_IFDIR          0040000
#define S_IFCHR          0020000
#define S_IFIFO          0010000
#define S_ISUID          04000
#define S_ISGID          02000
#define S_ISVTX          01000
#define S_IS(mode, kind) (((mode)&S_IFMT) == (kind))

#define AT_FDCWD            (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_REMOVEDIR        0x200
#define AT_EACCESS          0x200
#define AT_SYMLINK_FOLLOW   0x400
#define AT_NO_AUTOMOUNT     0x800
#define AT_EMPTY_PATH       0x1000

#define R_OK 4
#define W_OK 2
#define X_OK 1
#define F_OK 0

#define SEEK_SET  0
#define SEEK_CUR  1
#define SEEK_END  2
#define SEEK_DATA 3
#define SEEK_HOLE 4

#define F_DUPFD         0
#define F_GETFD         1
#define F_SETFD         2
#define F_GETFL         3
#define F_SETFL         4
#define F_GETLK         5
#define F_SETLK         6
#define F_SETLKW        7
#define F_SETOWN        8
#define F_GETOWN        9
#define F_SETSIG        10
#define F_GETSIG        11
#define F_SETOWN_EX     15
#define F_GETOWN_EX     16
#define F_OFD_GETLK     36
#define F_OFD_SETLK     37
#define F_OFD_SETLKW    38
#define F_SETLEASE      1024
#define F_GETLEASE      1025
#define F_CREATED_QUERY 1028
#define F_DUPFD_CLOEXEC 1030
#define F_SETPIPE_SZ    1031
#define F_GETPIPE_SZ    1032
#define F_ADD_SEALS     1033
#define F_GET_SEALS     1034

/* fallocate */
#define FALLOC_FL_KEEP_SIZE  0x01u
#define FALLOC_FL_PUNCH_HOLE 0x02u
#define FALLOC_FL_ZERO_RANGE 0x10u

#define F_SEAL_SEAL         0x01 /* no further seals */
#define F_SEAL_SHRINK       0x02
#define F_SEAL_GROW         0x04
#define F_SEAL_WRITE        0x08
#define F_SEAL_FUTURE_WRITE 0x10 /* but through mappings that are there */
#define F_SEAL_EXEC         0x20 /* no change of the bits that allow running it */
#define FD_CLOEXEC          1
#define F_RDLCK             0
#define F_WRLCK             1
#define F_UNLCK             2

#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE  2
#define RENAME_WHITEOUT  4

#define DT_UNKNOWN       0
#define DT_OF_MODE(mode) (((mode)&S_IFMT) >> 12)

/* close_range(2) */
#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_CLOEXEC 4u
