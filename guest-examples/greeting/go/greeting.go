// Package export_wit_world composes a greeting, and cleans up when asked to stop.
package export_wit_world

import (
	"sandglass"
	activities "wit_component/sandglass_workflow_activities"
	cancellation "wit_component/sandglass_workflow_cancellation"
	timers "wit_component/sandglass_workflow_timers"
)

var options = activities.ActivityOptions{
	StartToCloseTimeout: sandglass.Some(300.0),
	HeartbeatTimeout:    sandglass.Some(30.0),
}

// Run is the workflow.
func Run(input []sandglass.Payload) sandglass.Result {
	return sandglass.Run(input, greet)
}

func greet(input []sandglass.Payload) (sandglass.Payload, error) {
	greeting := activities.Start("cancellable_activity", input, options)
	_, err := sandglass.Try(timers.Sleep(3))
	activities.Cancel(greeting)
	var greeted sandglass.Payload
	if err == nil {
		greeted, err = sandglass.Try(activities.Outcome(greeting))
	}
	if err != nil {
		if failed := cleanUp(); failed != nil {
			return greeted, failed
		}
	}
	return greeted, err
}

// Whoever cancels the workflow meanwhile does not cut the cleanup short.
func cleanUp() error {
	cancellation.Shield()
	defer cancellation.Unshield()
	_, err := sandglass.Try(activities.Execute("cleanup", nil, options))
	return err
}
