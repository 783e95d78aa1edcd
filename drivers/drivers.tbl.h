/* Every driver: a row NAME stands for `const struct driver NAME_driver`. In order of start. */
// clang-format off
DRIVER(pci)
// clang-format on
