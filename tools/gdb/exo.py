"""gdb's view of a running Exo-OS: `exo threads`, `exo cpus`, `exo log [LINES]`. `./exo debug` loads this.

Everything is read from memory through the kernel's debug information, so it also works after a panic, and does not
disturb the machine.
"""

import gdb

THREAD = "struct thread"
ALL_THREADS = "all_threads"


def symbol(name):
    return gdb.parse_and_eval(name)


def enum_name(enum, value, prefix):
    for field in gdb.lookup_type("enum " + enum).fields():
        if field.enumval == int(value):
            return field.name[len(prefix) :].lower()
    return str(int(value))


def list_items(head, type_name, member):
    """The owners of the nodes of a struct list, in order."""
    owner = gdb.lookup_type(type_name)
    offset = next(f.bitpos // 8 for f in owner.fields() if f.name == member)
    node = head["next"]
    while int(node) != int(head.address):
        address = int(node) - offset
        yield gdb.Value(address).cast(owner.pointer()).dereference()
        node = node["next"]


def per_cpu(name, cpu):
    variable = symbol(name)
    address = (int(variable.address) + int(symbol("percpu_offsets")[cpu])) % 2**64
    return gdb.Value(address).cast(variable.type.pointer()).dereference()


def online_cpus():
    mask = int(symbol("cpu_online_mask"))
    return [cpu for cpu in range(64) if mask >> cpu & 1]


def threads():
    return list_items(symbol(ALL_THREADS), THREAD, "all_link")


def where(address):
    """FUNCTION+OFFSET of a code address."""
    block = gdb.execute("info symbol %#x" % address, to_string=True)
    return block.split(" in section")[0].strip().replace(" + ", "+")


class Exo(gdb.Command):
    """Commands that know Exo-OS: exo threads, exo cpus, exo log."""

    def __init__(self):
        super().__init__("exo", gdb.COMMAND_STATUS, gdb.COMPLETE_NONE, True)

    def invoke(self, argument, from_tty):
        gdb.execute("help exo")


class ExoThreads(gdb.Command):
    """Lists all threads: number, state, CPU, queue, run time and name. With a number: the backtrace of that thread."""

    def __init__(self):
        super().__init__("exo threads", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        if argument:
            return self.backtrace(int(argument))
        print("%5s  %-10s %3s  %-6s %-8s %10s  %s" % ("id", "state", "cpu", "queue", "priority", "switches", "name"))
        for thread in threads():
            print(
                "%5d  %-10s %3d  %-6s %-8s %10d  %s"
                % (
                    int(thread["id"]),
                    enum_name("thread_state", thread["state"], "THREAD_"),
                    int(thread["cpu"]),
                    enum_name("sched_queue", thread["queue"], "QUEUE_"),
                    enum_name("thread_priority", thread["priority"], "PRIORITY_"),
                    int(thread["switches"]),
                    thread["name"].string(),
                )
            )

    def backtrace(self, number):
        for thread in threads():
            if int(thread["id"]) == number:
                break
        else:
            raise gdb.GdbError("no thread has number %d" % number)
        if enum_name("thread_state", thread["state"], "THREAD_") == "running":
            raise gdb.GdbError("it runs on CPU %d: use `thread %d` and `backtrace`" % (thread["cpu"], thread["cpu"] + 1))
        for depth, address in enumerate(saved_frames(thread)):
            print("#%-2d %#x %s" % (depth, address, where(address)))


# Where context_switch (kernel/arch/x86_64/context.S) left the frame pointer and the return address, above the saved sp.
SAVED_FRAME_POINTER = 40
SAVED_RETURN_ADDRESS = 48


def saved_frames(thread):
    """Return addresses of a thread that does not run, along its frame pointers."""
    word = gdb.lookup_type("unsigned long").pointer()

    def load(address):
        return int(gdb.Value(address).cast(word).dereference())

    stack = int(thread["context"]["sp"])
    yield load(stack + SAVED_RETURN_ADDRESS)
    frame = load(stack + SAVED_FRAME_POINTER)
    while frame > stack and frame % 8 == 0:
        address = load(frame + 8)
        if not address:
            return
        yield address
        stack, frame = frame, load(frame)


class ExoCpus(gdb.Command):
    """What each CPU runs, and how it is queued."""

    def __init__(self):
        super().__init__("exo cpus", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        print("%3s  %-20s %s" % ("cpu", "thread", "at"))
        for cpu in online_cpus():
            thread = per_cpu("current_thread_ptr", cpu)
            name = thread["name"].string() if int(thread) else "-"
            print("%3d  %-20s %s" % (cpu, name, self.program_counter(cpu)))

    @staticmethod
    def program_counter(cpu):
        """QEMU shows each CPU as a thread, numbered from 1."""
        for thread in gdb.selected_inferior().threads():
            if thread.num == cpu + 1:
                selected = gdb.selected_thread()
                thread.switch()
                address = int(gdb.parse_and_eval("(unsigned long)$pc"))
                selected.switch()
                return where(address)
        return "?"


class ExoLog(gdb.Command):
    """The last lines (default 50) of the logs of all CPUs, in order of time."""

    def __init__(self):
        super().__init__("exo log", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        lines = []
        for cpu in online_cpus() or [0]:
            records = per_cpu("log_ring", cpu)["records"]
            first, last = records.type.range()
            for index in range(first, last + 1):
                record = records[index]
                mark = int(record["mark"])
                if mark and mark % 2 == 0:
                    lines.append((int(record["tsc"]), cpu, record))
        lines.sort(key=lambda line: line[0])
        for _, cpu, record in lines[-int(argument or 50) :]:
            time = int(record["time"])
            text = record["text"].string(length=int(record["len"]), errors="replace")
            level = enum_name("log_level", record["level"], "LOG_")
            print("[%5d.%06d] %d %-5s %s: %s" % (time // 10**9, time // 1000 % 10**6, cpu, level, record["subsystem"].string(), text))


Exo()
ExoThreads()
ExoCpus()
ExoLog()
