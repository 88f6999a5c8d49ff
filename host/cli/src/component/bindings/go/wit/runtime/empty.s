// With a file of assembly in the package, Go takes functions without a body: those that the host or the linker provides.
