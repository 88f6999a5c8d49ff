module wit_component/export_wit_world

go 1.25

require (
	go.bytecodealliance.org/pkg v0.2.3
	sandglass v0.0.0
	wit_component v0.0.0
)

replace (
	go.bytecodealliance.org/pkg => ./bindings/runtime
	sandglass => ../../patterns/go
	wit_component => ./bindings
)
