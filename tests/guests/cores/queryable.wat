;; Of the world queryable-workflow: it has a query beside its run.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    i32.const 1024)
  (func (export "run") (param i32 i32) (result i32)
    i32.const 0)
  (func (export "query") (param i32 i32 i32 i32 i32 i32) (result i32)
    i32.const 0))
