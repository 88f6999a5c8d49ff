// Package export_wit_world makes the mistake that its input names.
package export_wit_world

import (
	"os"
	"sandglass"
	types "wit_component/sandglass_workflow_types"
)

// Run is the workflow.
func Run(input []sandglass.Payload) sandglass.Result {
	return sandglass.Run(input, mistake)
}

func mistake(which string) (sandglass.Payload, error) {
	switch which {
	case "panic":
		panic("the stock is inconsistent")
	case "out-of-bounds":
		return []sandglass.Payload{}[len(which)], nil
	case "exit":
		os.Exit(3)
	case "not-utf-8":
		return types.MakePayloadJson("\xff\xfe"), nil
	}
	return sandglass.Encode("none"), nil
}
