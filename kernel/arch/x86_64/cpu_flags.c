/*
 * The processor's features by the names that Linux's /proc/cpuinfo gives them, which programs and people look for. Those that Linux does not
 * show have none here, nor has what this kernel does not use, as five-level page tables. Intel SDM vol. 2, CPUID; AMD APM vol. 3, appendix E.
 */
#include <lib/types.h>
#include <x86/cpuid.h>

enum cpuid_register { EAX, EBX, ECX, EDX };

struct flag_word {
	uint32_t leaf, subleaf;
	enum cpuid_register reg;
	const char *names[32];
};

// clang-format off
static const struct flag_word words[] = {
    {1, 0, EDX,
     {"fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", NULL, "sep", "mtrr", "pge", "mca", "cmov",
      "pat", "pse36", "pn", "clflush", NULL, "dts", "acpi", "mmx", "fxsr", "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe"}},
    {0x80000001, 0, EDX,
     {[11] = "syscall", [19] = "mp", [20] = "nx", [22] = "mmxext", [25] = "fxsr_opt", [26] = "pdpe1gb", [27] = "rdtscp",
      [29] = "lm", [30] = "3dnowext", [31] = "3dnow"}},
    {1, 0, ECX,
     {"pni", "pclmulqdq", "dtes64", "monitor", "ds_cpl", "vmx", "smx", "est", "tm2", "ssse3", "cid", "sdbg", "fma", "cx16", "xtpr", "pdcm",
      NULL, "pcid", "dca", "sse4_1", "sse4_2", "x2apic", "movbe", "popcnt", "tsc_deadline_timer", "aes", "xsave", NULL, "avx", "f16c",
      "rdrand", "hypervisor"}},
    {0x80000001, 0, ECX,
     {"lahf_lm", "cmp_legacy", "svm", "extapic", "cr8_legacy", "abm", "sse4a", "misalignsse", "3dnowprefetch", "osvw", "ibs", "xop",
      "skinit", "wdt", NULL, "lwp", "fma4", "tce", [19] = "nodeid_msr", [21] = "tbm", "topoext", "perfctr_core", "perfctr_nb",
      [26] = "bpext", "ptsc", "perfctr_llc", "mwaitx"}},
    {7, 0, EBX,
     {"fsgsbase", "tsc_adjust", "sgx", "bmi1", "hle", "avx2", NULL, "smep", "bmi2", "erms", "invpcid", "rtm", "cqm", NULL, "mpx", "rdt_a",
      "avx512f", "avx512dq", "rdseed", "adx", "smap", "avx512ifma", NULL, "clflushopt", "clwb", "intel_pt", "avx512pf", "avx512er",
      "avx512cd", "sha_ni", "avx512bw", "avx512vl"}},
    {0xd, 1, EAX, {"xsaveopt", "xsavec", "xgetbv1", "xsaves"}},
    {7, 1, EAX, {[4] = "avx_vnni", "avx512_bf16"}},
    {0x80000008, 0, EBX, {[0] = "clzero", [2] = "xsaveerptr", [9] = "wbnoinvd"}},
    {7, 0, ECX,
     {NULL, "avx512vbmi", "umip", "pku", "ospke", "waitpkg", "avx512_vbmi2", NULL, "gfni", "vaes", "vpclmulqdq", "avx512_vnni",
      "avx512_bitalg", NULL, "avx512_vpopcntdq", [22] = "rdpid", [24] = "bus_lock_detect", "cldemote", NULL, "movdiri",
      "movdir64b", "enqcmd"}},
    {7, 0, EDX,
     {[2] = "avx512_4vnniw", "avx512_4fmaps", "fsrm", [8] = "avx512_vp2intersect", [10] = "md_clear", [14] = "serialize",
      [16] = "tsxldtrk", [18] = "pconfig", "arch_lbr", [20] = "ibt", [22] = "amx_bf16", "avx512_fp16", "amx_tile", "amx_int8",
      [28] = "flush_l1d", "arch_capabilities"}},
};
// clang-format on

static uint32_t bits_of(const struct flag_word *word)
{
	uint32_t highest =
	    word->leaf & 0x80000000 ? cpu_features.max_extended_leaf : cpu_features.max_leaf;
	if (word->leaf > highest)
		return 0;
	struct cpuid r = cpuid(word->leaf, word->subleaf);
	const uint32_t values[] = {r.eax, r.ebx, r.ecx, r.edx};
	return values[word->reg];
}

void cpu_for_each_flag(void (*tell)(const char *name, void *ctx), void *ctx)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		uint32_t bits = bits_of(&words[i]);
		for (unsigned bit = 0; bit < 32; bit++)
			if (bits >> bit & 1 && words[i].names[bit])
				tell(words[i].names[bit], ctx);
	}
	if (cpu_features.invariant_tsc)
		tell("constant_tsc", ctx);
}
