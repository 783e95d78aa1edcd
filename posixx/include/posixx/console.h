/* The console without a terminal: posixx/init.c falls back on it. */
#pragma once

struct object;
struct object *console_object(void); /* with a reference */
