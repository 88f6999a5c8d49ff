// Package export_wit_world executes as many activities as its input says, some at a time, and counts the letters of their results, or
// of why they failed.
package export_wit_world

import (
	"errors"
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
			letters, err := letters(activity)
			if err != nil {
				return length, err
			}
			length += letters
		}
	}
	return length, nil
}

func letters(activity uint32) (int, error) {
	result, err := sandglass.Try(activities.Outcome(activity))
	var failure sandglass.Failure
	if errors.As(err, &failure) {
		return len(failure.Causes[0].Message), nil
	}
	var text string
	err = sandglass.Decode([]sandglass.Payload{result}, &text)
	return len(text), err
}
