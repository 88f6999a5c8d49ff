// Package export_wit_world makes the mistake that its input names.
package export_wit_world

import (
	"net"
	"os"
	"sandglass"
	"time"
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
	case "clock":
		for begin := time.Now(); time.Since(begin) < time.Second; {
		}
	case "file":
		if _, err := os.Open("/stock.txt"); err != nil {
			return sandglass.Payload{}, err
		}
	case "socket":
		if _, err := net.Dial("tcp", "127.0.0.1:80"); err != nil {
			return sandglass.Payload{}, err
		}
	}
	return sandglass.Encode("none"), nil
}
