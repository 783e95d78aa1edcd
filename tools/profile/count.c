/*
 * A QEMU plugin that counts how often each piece of straight code ran: ./exo bench --profile puts the counts together by function.
 * It is the guest's own run, undisturbed, so that nothing need be compiled into the kernel for it.
 *
 * The few declarations of QEMU's plugin interface that it needs are written out here; Debian has no package with its header.
 * Output, one line for each piece: address, z (which sorts it after the symbols of that address), instructions in it, times that it ran.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TABLE_SIZE 65536u
#define OPTION     "out="

struct qemu_plugin_tb;
typedef void (*translate_hook_t)(uint64_t plugin, struct qemu_plugin_tb *piece);
typedef void (*execute_hook_t)(unsigned cpu, void *data);
typedef void (*exit_hook_t)(uint64_t plugin, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t plugin, translate_hook_t hook);
void qemu_plugin_register_vcpu_tb_exec_cb(
    struct qemu_plugin_tb *piece, execute_hook_t hook, int register_access, void *data);
void qemu_plugin_register_atexit_cb(uint64_t plugin, exit_hook_t hook, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *piece);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *piece);

int qemu_plugin_version = 4;
int qemu_plugin_install(uint64_t plugin, const void *info, int argc, char **argv);

struct piece {
	uint64_t address, instructions, times;
	struct piece *next;
};

static struct piece *table[TABLE_SIZE];
static FILE *output;

/* The guest has one processor, so nobody else counts. */
static void executed(unsigned cpu, void *data)
{
	(void)cpu;
	((struct piece *)data)->times++;
}

/* The same code is translated again now and then, and its pieces need not end where they did before. */
static struct piece *piece_at(uint64_t address, uint64_t instructions)
{
	struct piece **slot = &table[(address ^ address >> 16 ^ instructions) % TABLE_SIZE];
	for (struct piece *piece = *slot; piece; piece = piece->next) {
		if (piece->address == address && piece->instructions == instructions)
			return piece;
	}
	struct piece *piece = malloc(sizeof(*piece));
	if (!piece)
		abort();
	*piece = (struct piece){address, instructions, 0, *slot};
	*slot = piece;
	return piece;
}

static void translated(uint64_t plugin, struct qemu_plugin_tb *tb)
{
	(void)plugin;
	void *piece = piece_at(qemu_plugin_tb_vaddr(tb), qemu_plugin_tb_n_insns(tb));
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0, piece);
}

static void ended(uint64_t plugin, void *data)
{
	(void)plugin;
	(void)data;
	for (size_t i = 0; i < TABLE_SIZE; i++) {
		for (struct piece *piece = table[i]; piece; piece = piece->next) {
			if (piece->times)
				fprintf(output, "%016" PRIx64 " z %" PRIu64 " %" PRIu64 "\n",
				    piece->address, piece->instructions, piece->times);
		}
	}
	fclose(output);
}

int qemu_plugin_install(uint64_t plugin, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || !(output = fopen(argv[0] + sizeof(OPTION) - 1, "w")))
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(plugin, translated);
	qemu_plugin_register_atexit_cb(plugin, ended, NULL);
	return 0;
}
