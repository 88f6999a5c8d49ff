// Package export_wit_world executes as many activities as its input says, some at a time, and keeps little of what they return.
package export_wit_world

import (
	"sandglass"
	activities "wit_component/sandglass_workflow_activities"
)

const atOnce = 200

// Run is the workflow.
func Run(input []sandglass.Payload) sandglass.Result {
	return sandglass.Run(input, many)
}

func many(count int) (int, error) {
	options := activities.ActivityOptions{StartToCloseTimeout: sandglass.Some(10.0)}
	length := 0
	for done := 0; done < count; done += atOnce {
		running := make([]uint32, atOnce)
		for i := range running {
			running[i] = activities.Start("step", []sandglass.Payload{sandglass.Encode(done + i)}, options)
		}
		for _, activity := range running {
			payload, err := sandglass.Try(activities.Outcome(activity))
			if err != nil {
				return length, err
			}
			var text string
			if err := sandglass.Decode([]sandglass.Payload{payload}, &text); err != nil {
				return length, err
			}
			length += len(text)
		}
	}
	return length, nil
}
