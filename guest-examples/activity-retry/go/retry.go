// Package export_wit_world tries an activity a few times, and says how it ended.
package export_wit_world

import (
	"errors"
	"sandglass"
	activities "wit_component/sandglass_workflow_activities"
	types "wit_component/sandglass_workflow_types"
)

// Run is the workflow. Its input goes to the activity flaky.
func Run(input []sandglass.Payload) sandglass.Result {
	return sandglass.Run(input, order)
}

func order(input []sandglass.Payload) (sandglass.Payload, error) {
	result, err := sandglass.Try(activities.Execute("flaky", input, activities.ActivityOptions{
		StartToCloseTimeout: sandglass.Some(10.0),
		RetryPolicy: sandglass.Some(types.RetryPolicy{
			InitialInterval:        sandglass.Some(0.1),
			MaximumAttempts:        sandglass.Some[uint32](3),
			NonRetryableErrorTypes: sandglass.Some([]string{"OutOfStock"}),
		}),
	}))
	if errorType(err) == "OutOfStock" {
		return sandglass.Encode("ordered elsewhere"), nil
	}
	return result, err
}

// The activity's own failure is the cause of the one that says that it was given up.
func errorType(err error) string {
	var failure sandglass.Failure
	if !errors.As(err, &failure) || len(failure.Causes) == 0 {
		return ""
	}
	info := failure.Causes[0].Info
	if info.Tag() != types.FailureInfoApplication {
		return ""
	}
	return info.Application().ErrorType
}
