// Package export_wit_world sleeps, and cancels a timer that is not needed any more. The host may stop and start meanwhile.
package export_wit_world

import (
	"fmt"
	"sandglass"
	timers "wit_component/sandglass_workflow_timers"
)

// Run is the workflow.
func Run(input []sandglass.Payload) sandglass.Result {
	return sandglass.Run(input, sleep)
}

// Sleeps for as many seconds as its input says, or for one.
func sleep(given *float64) (string, error) {
	seconds := 1.0
	if given != nil {
		seconds = *given
	}
	deadline := timers.Start(3600)
	if _, err := sandglass.Try(timers.Sleep(seconds)); err != nil {
		return "", err
	}
	timers.Cancel(deadline)
	return fmt.Sprintf("slept for %v s", seconds), nil
}
