// Package export_wit_world waits for somebody to approve, but not for ever.
package export_wit_world

import (
	"sandglass"
	execution "wit_component/sandglass_workflow_execution"
	select_ "wit_component/sandglass_workflow_select"
	signals "wit_component/sandglass_workflow_signals"
	timers "wit_component/sandglass_workflow_timers"
)

const aDay = 24 * 3600

// Run is the workflow.
func Run(input []sandglass.Payload) sandglass.Result {
	return sandglass.Run(input, approval)
}

func approval([]sandglass.Payload) (string, error) {
	execution.Publish("status", sandglass.Encode("waiting"))
	approve, reject := signals.OnSignal("approve"), signals.OnSignal("reject")
	// The first wins; the timer is canceled unless it was the timer.
	first, err := sandglass.Try(select_.Race([]uint32{approve, reject, timers.Start(aDay)}))
	switch {
	case err != nil:
		return "", err
	case first == reject:
		return "", sandglass.Fail("NotApproved", "rejected")
	case first != approve:
		return "", sandglass.Fail("NotApproved", "nobody approved within a day")
	}
	execution.Publish("status", sandglass.Encode("approved"))
	signal, err := sandglass.Try(signals.Receive("approve"))
	if err != nil {
		return "", err
	}
	// An argument that is null leaves it as it is.
	by := signal.Identity
	if err := sandglass.Decode(signal.Input, &by); err != nil {
		return "", err
	}
	return "approved by " + by, nil
}
