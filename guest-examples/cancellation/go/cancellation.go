// Package export_wit_world shows what a workflow can make of a cancel request. Its input says which; none is cleanup.
package export_wit_world

import (
	"sandglass"
	activities "wit_component/sandglass_workflow_activities"
	cancellation "wit_component/sandglass_workflow_cancellation"
	failures "wit_component/sandglass_workflow_failures"
	timers "wit_component/sandglass_workflow_timers"
)

const notCanceled = "not canceled"

// Run is the workflow.
func Run(input []sandglass.Payload) sandglass.Result {
	return sandglass.Run(input, run)
}

func run(behaviour string) (string, error) {
	switch behaviour {
	case "", "cleanup":
		err := sleep()
		if err != nil {
			// The request has interrupted the sleep; it does not interrupt what follows.
			if failed := activity("cleanup"); failed != nil {
				return "", failed
			}
		}
		return notCanceled, err
	case "nothing":
		return notCanceled, sleep()
	case "swallow":
		if sleep() != nil {
			return "swallowed", nil
		}
		return notCanceled, nil
	case "fail":
		if sleep() != nil {
			return "", sandglass.Failure{Failure: failures.Application("the cleanup failed", "CleanupFailed", false)}
		}
		return notCanceled, nil
	case "shield":
		if err := charge(); err != nil {
			return "", err
		}
		// A request that came during the charge interrupts this sleep.
		return notCanceled, sleep()
	}
	return "", sandglass.Fail("BadPayload", "no such behaviour: "+behaviour)
}

func charge() error {
	cancellation.Shield()
	defer cancellation.Unshield()
	return activity("charge")
}

func sleep() error {
	_, err := sandglass.Try(timers.Sleep(3600))
	return err
}

func activity(name string) error {
	options := activities.ActivityOptions{StartToCloseTimeout: sandglass.Some(10.0)}
	_, err := sandglass.Try(activities.Execute(name, nil, options))
	return err
}
