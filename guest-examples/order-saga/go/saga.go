// Package export_wit_world reserves, charges and ships an order; undoes it, newest first, when it fails or is canceled.
package export_wit_world

import (
	"fmt"
	"maps"
	"sandglass"
	"slices"
	activities "wit_component/sandglass_workflow_activities"
	cancellation "wit_component/sandglass_workflow_cancellation"
	execution "wit_component/sandglass_workflow_execution"
	log "wit_component/sandglass_workflow_log"
	select_ "wit_component/sandglass_workflow_select"
	signals "wit_component/sandglass_workflow_signals"
	timers "wit_component/sandglass_workflow_timers"
	types "wit_component/sandglass_workflow_types"
)

const (
	shipAtOnce = 3
	aDay       = 24 * 3600
)

type order struct {
	ID     string   `json:"id"`
	Items  []string `json:"items"`
	Amount *float64 `json:"amount"` // A pointer tells none from nothing.
}

type receipt struct {
	Status    string   `json:"status"`
	Trackings []string `json:"trackings"`
}

// Run is the workflow.
func Run(input []sandglass.Payload) sandglass.Result {
	return sandglass.Run(input, saga)
}

func saga(given *order) (receipt, error) {
	if given == nil || given.ID == "" || given.Items == nil || slices.Contains(given.Items, "") || given.Amount == nil {
		return receipt{}, sandglass.Fail("BadPayload", "an order has an id, items by name, and an amount")
	}
	o := *given
	var undo []string
	trackings, err := fulfil(o, &undo)
	if err != nil {
		compensate(o, undo)
	}
	return receipt{Status: "shipped", Trackings: trackings}, err
}

func fulfil(o order, undo *[]string) ([]string, error) {
	reserve := step()
	reserve.RetryPolicy = sandglass.Some(types.RetryPolicy{MaximumAttempts: sandglass.Some[uint32](5)})
	// Noted before the step: one that failed or was canceled may have had its effect.
	*undo = append(*undo, "release")
	if _, err := sandglass.Try(activities.Execute("reserve", arguments(o), reserve)); err != nil {
		return nil, err
	}
	publish("reserved")
	*undo = append(*undo, "refund")
	if _, err := sandglass.Try(activities.Execute("charge", arguments(o), step())); err != nil {
		return nil, err
	}
	publish("charged")
	if *o.Amount > 1000 {
		if err := approval(); err != nil {
			return nil, err
		}
	}
	trackings, err := ship(o)
	if err == nil {
		publish("shipped")
	}
	return trackings, err
}

func approval() error {
	publish("waiting for approval")
	approve, reject := signals.OnSignal("approve"), signals.OnSignal("reject")
	first, err := sandglass.Try(select_.Race([]uint32{approve, reject, timers.Start(aDay)}))
	switch {
	case err != nil:
		return err
	case first == reject:
		return sandglass.Fail("NotApproved", "rejected")
	case first != approve:
		return sandglass.Fail("NotApproved", "nobody approved within a day")
	}
	publish("approved")
	return nil
}

func ship(o order) (trackings []string, err error) {
	options := step()
	options.CancellationType = sandglass.Some(activities.CancellationTypeWaitCancellationCompleted)
	running := map[types.Operation]int{}
	defer func() {
		if err != nil {
			select_.Settle(slices.Sorted(maps.Keys(running)))
		}
	}()
	shipped := make([]types.Payload, len(o.Items))
	for next := 0; ; {
		for ; next < len(o.Items) && len(running) < shipAtOnce; next++ {
			running[activities.Start("ship", arguments(o.ID, o.Items[next]), options)] = next
		}
		if len(running) == 0 {
			return trackingsOf(shipped)
		}
		// The order of a map's keys is chance.
		first, err := sandglass.Try(select_.WaitAny(slices.Sorted(maps.Keys(running))))
		if err != nil {
			return nil, err
		}
		index := running[first]
		delete(running, first)
		if shipped[index], err = sandglass.Try(activities.Outcome(first)); err != nil {
			return nil, err
		}
	}
}

func trackingsOf(shipped []types.Payload) ([]string, error) {
	trackings := []string{}
	for _, payload := range shipped {
		var tracking *string
		if err := sandglass.Decode([]types.Payload{payload}, &tracking); err != nil {
			return nil, err
		}
		if tracking == nil {
			return nil, sandglass.Fail("BadPayload", "a tracking is a text")
		}
		trackings = append(trackings, *tracking)
	}
	return trackings, nil
}

func compensate(o order, undo []string) {
	cancellation.Shield()
	defer cancellation.Unshield()
	for _, stepBack := range slices.Backward(undo) {
		if _, err := sandglass.Try(activities.Execute(stepBack, arguments(o.ID), step())); err != nil {
			log.Error(fmt.Sprintf("%s: %v", stepBack, err))
		}
	}
}

func publish(status string) {
	execution.Publish("status", sandglass.Encode(status))
}

func step() activities.ActivityOptions {
	return activities.ActivityOptions{StartToCloseTimeout: sandglass.Some(10.0)}
}

func arguments(values ...any) []types.Payload {
	payloads := make([]types.Payload, len(values))
	for i, value := range values {
		payloads[i] = sandglass.Encode(value)
	}
	return payloads
}
