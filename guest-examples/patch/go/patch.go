// Package export_wit_world shows a change of code that leaves the runs before it as they were: they go on to call greet.
package export_wit_world

import (
	"sandglass"
	activities "wit_component/sandglass_workflow_activities"
	execution "wit_component/sandglass_workflow_execution"
)

// Run is the workflow.
func Run(input []sandglass.Payload) sandglass.Result {
	return sandglass.Run(input, greet)
}

func greet(input []sandglass.Payload) (sandglass.Payload, error) {
	activity := "greet"
	// Once no run from before is open: DeprecatePatch, and only the new side stays.
	if execution.Patched("politeness") {
		activity = "greet_politely"
	}
	options := activities.ActivityOptions{StartToCloseTimeout: sandglass.Some(10.0)}
	return sandglass.Try(activities.Execute(activity, input, options))
}
