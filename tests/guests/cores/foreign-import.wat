;; Imports what no host of Sandglass offers.
(module
  (import "foo:bar/baz" "poke" (func $poke))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    i32.const 1024)
  (func (export "run") (param i32 i32) (result i32)
    call $poke
    i32.const 0))
