;; A core module: it has a `run`, but is no component.
(module
  (func (export "run")))
