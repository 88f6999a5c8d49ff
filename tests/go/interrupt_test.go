// Temporal's Go client and activity worker against `sandglass serve`, whose address the environment gives as SANDGLASS_ADDRESS.
//
// The workflows are components of `guest-examples`: `greeting` cancels an activity through its handle, `cancellation` cleans up when it is canceled,
// `activity_retry` tries an activity again, `signal_approval` waits for signals.
package tests

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
)

const queue = "go"

var (
	temporals client.Client
	said      words
)

// words is what the activities have said since the test began.
type words struct {
	mutex sync.Mutex
	words []string
}

func (it *words) say(word string) {
	it.mutex.Lock()
	defer it.mutex.Unlock()
	it.words = append(it.words, word)
}

func (it *words) all() []string {
	it.mutex.Lock()
	defer it.mutex.Unlock()
	return slices.Clone(it.words)
}

func (it *words) clear() {
	it.mutex.Lock()
	defer it.mutex.Unlock()
	it.words = nil
}

// cancellable works until it is told to stop.
func cancellable(ctx context.Context) error {
	for {
		activity.RecordHeartbeat(ctx, "some details")
		select {
		case <-ctx.Done():
			said.say(fmt.Sprint("stopped: ", context.Cause(ctx)))
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// cleanup ends when it is the only activity left of its workflow: whoever was canceled has said so by then.
func cleanup(ctx context.Context) (string, error) {
	id := activity.GetInfo(ctx).WorkflowExecution.ID
	for {
		pending, err := pending(ctx, id)
		if err != nil {
			return "", err
		}
		if len(pending) == 1 {
			said.say("cleaned up")
			return "clean", nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// flaky fails twice, and remembers by its heartbeats; `out of stock` is not worth another attempt, `never` never works.
func flaky(ctx context.Context, mode string) (string, error) {
	attempt := activity.GetInfo(ctx).Attempt
	said.say(fmt.Sprint("attempt ", attempt))
	if mode == "out of stock" {
		return "", temporal.NewApplicationError("none left", "OutOfStock", 3, "shelves")
	}
	if mode == "never" || attempt < 3 {
		activity.RecordHeartbeat(ctx, attempt)
		return "", fmt.Errorf("attempt %d", attempt)
	}
	var last int32
	if err := activity.GetHeartbeatDetails(ctx, &last); err != nil {
		return "", err
	}
	return fmt.Sprintf("attempt %d after %d", attempt, last), nil
}

func TestMain(m *testing.M) {
	var err error
	temporals, err = client.Dial(client.Options{HostPort: os.Getenv("SANDGLASS_ADDRESS")})
	if err != nil {
		log.Fatal(err)
	}
	// The heartbeat timeout of 30 s would let it hold heartbeats back for 24 s.
	options := worker.Options{DisableWorkflowWorker: true, MaxHeartbeatThrottleInterval: 200 * time.Millisecond}
	activities := worker.New(temporals, queue, options)
	activities.RegisterActivityWithOptions(cancellable, activity.RegisterOptions{Name: "cancellable_activity"})
	activities.RegisterActivity(cleanup)
	activities.RegisterActivity(flaky)
	if err := activities.Start(); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	activities.Stop()
	temporals.Close()
	os.Exit(code)
}

// begin gives a test its time, and forgets what was said before it.
func begin(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	said.clear()
	return ctx
}

func options(id string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{ID: "go-" + id, TaskQueue: queue, WorkflowExecutionErrorWhenAlreadyStarted: true}
}

func start(ctx context.Context, t *testing.T, workflow, id string, args ...any) client.WorkflowRun {
	t.Helper()
	run, err := temporals.ExecuteWorkflow(ctx, options(id), workflow, args...)
	check(t, err)
	return run
}

func pending(ctx context.Context, id string) ([]*workflow.PendingActivityInfo, error) {
	description, err := temporals.DescribeWorkflowExecution(ctx, id, "")
	return description.GetPendingActivities(), err
}

func status(ctx context.Context, t *testing.T, id string) enums.WorkflowExecutionStatus {
	t.Helper()
	description, err := temporals.DescribeWorkflowExecution(ctx, id, "")
	check(t, err)
	return description.WorkflowExecutionInfo.Status
}

func names(ctx context.Context, t *testing.T, id string) []string {
	t.Helper()
	var names []string
	for events := temporals.GetWorkflowHistory(ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		event, err := events.Next()
		check(t, err)
		names = append(names, event.EventType.String())
	}
	return names
}

func count(names []string, name string) (found int) {
	for _, it := range names {
		if it == name {
			found++
		}
	}
	return found
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, found, wanted any) {
	t.Helper()
	if found, wanted := fmt.Sprint(found), fmt.Sprint(wanted); found != wanted {
		t.Fatalf("found %v, not %v", found, wanted)
	}
}

// eventually waits for what must come before the test's time is over.
func eventually(ctx context.Context, t *testing.T, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		if ctx.Err() != nil {
			t.Fatalf("in vain: %s; said %v", what, said.all())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// as finds an error of that type in a chain.
func as[T error](t *testing.T, err error) T {
	t.Helper()
	var found T
	if !errors.As(err, &found) {
		t.Fatalf("%T is not in the chain of %T: %v", found, err, err)
	}
	return found
}

func TestAnActivityIsCanceledThroughItsHandle(t *testing.T) {
	ctx := begin(t)
	run := start(ctx, t, "greeting", "activity-canceled", map[string]string{"arg1": "Hello", "arg2": "World"})
	failed := as[*temporal.ActivityError](t, run.Get(ctx, nil))
	same(t, failed.ActivityType().Name, "cancellable_activity")
	as[*temporal.CanceledError](t, failed.Unwrap())
	same(t, said.all(), []string{"stopped: canceled", "cleaned up"})
	events := names(ctx, t, run.GetID())
	same(t, count(events, "ActivityTaskCancelRequested"), 1)
	same(t, count(events, "ActivityTaskCanceled"), 1)
	same(t, events[len(events)-1], "WorkflowExecutionFailed")
}

func TestAHeartbeatSaysHowFarAnActivityIs(t *testing.T) {
	ctx := begin(t)
	run := start(ctx, t, "greeting", "heartbeat")
	var details string
	eventually(ctx, t, "a heartbeat with details", func() bool {
		pending, err := pending(ctx, run.GetID())
		check(t, err)
		if len(pending) == 0 || pending[0].HeartbeatDetails == nil {
			return false
		}
		check(t, converter.GetDefaultDataConverter().FromPayloads(pending[0].HeartbeatDetails, &details))
		return true
	})
	same(t, details, "some details")
	check(t, temporals.TerminateWorkflow(ctx, run.GetID(), "", "seen"))
	eventually(ctx, t, "the activity hears of it", func() bool { return len(said.all()) > 0 })
	same(t, said.all(), []string{"stopped: workflow execution already completed"})
}

func TestAWorkflowIsCanceledAndCleansUp(t *testing.T) {
	ctx := begin(t)
	run := start(ctx, t, "cancellation", "canceled", "cleanup")
	check(t, temporals.CancelWorkflow(ctx, run.GetID(), ""))
	as[*temporal.CanceledError](t, run.Get(ctx, nil))
	same(t, said.all(), []string{"cleaned up"})
	same(t, status(ctx, t, run.GetID()), enums.WORKFLOW_EXECUTION_STATUS_CANCELED)
	events := names(ctx, t, run.GetID())
	same(t, count(events, "WorkflowExecutionCancelRequested"), 1)
	same(t, count(events, "ActivityTaskCompleted"), 1)
	same(t, events[len(events)-1], "WorkflowExecutionCanceled")
	// A cancel of a closed run is no error.
	check(t, temporals.CancelWorkflow(ctx, run.GetID(), ""))
}

func TestAWorkflowIsTerminated(t *testing.T) {
	ctx := begin(t)
	run := start(ctx, t, "greeting", "terminated")
	eventually(ctx, t, "its activity is scheduled", func() bool {
		pending, err := pending(ctx, run.GetID())
		check(t, err)
		return len(pending) > 0
	})
	check(t, temporals.TerminateWorkflow(ctx, run.GetID(), "", "enough"))
	as[*temporal.TerminatedError](t, run.Get(ctx, nil))
	eventually(ctx, t, "the activity hears of it", func() bool { return len(said.all()) > 0 })
	same(t, said.all(), []string{"stopped: workflow execution already completed"})
	same(t, status(ctx, t, run.GetID()), enums.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	events := names(ctx, t, run.GetID())
	same(t, events[len(events)-1], "WorkflowExecutionTerminated")
	same(t, count(events, "WorkflowTaskScheduled"), 1)
	gone := as[*serviceerror.NotFound](t, temporals.TerminateWorkflow(ctx, run.GetID(), "", ""))
	same(t, gone.Message, "workflow execution already completed")
}

func TestSignalsQueriesAndIds(t *testing.T) {
	ctx := begin(t)
	run := start(ctx, t, "signal_approval", "approval")
	queried := func() (answer string) {
		value, err := temporals.QueryWorkflow(ctx, run.GetID(), "", "status")
		check(t, err)
		check(t, value.Get(&answer))
		return answer
	}
	same(t, queried(), "waiting")
	_, err := temporals.QueryWorkflow(ctx, run.GetID(), "", "nothing of that name")
	as[*serviceerror.QueryFailed](t, err)
	_, err = temporals.ExecuteWorkflow(ctx, options("approval"), "signal_approval")
	same(t, as[*serviceerror.WorkflowExecutionAlreadyStarted](t, err).RunId, run.GetRunID())
	check(t, temporals.SignalWorkflow(ctx, run.GetID(), "", "approve", "Ada"))
	var result string
	check(t, run.Get(ctx, &result))
	same(t, result, "approved by Ada")
	same(t, queried(), "approved")
	same(t, status(ctx, t, run.GetID()), enums.WORKFLOW_EXECUTION_STATUS_COMPLETED)
	again, err := temporals.SignalWithStartWorkflow(ctx, run.GetID(), "reject", nil, options("approval"), "signal_approval")
	check(t, err)
	rejected := as[*temporal.ApplicationError](t, again.Get(ctx, nil))
	same(t, []any{rejected.Message(), rejected.Type(), rejected.NonRetryable()}, []any{"rejected", "NotApproved", true})
	query := fmt.Sprintf("WorkflowId = '%s'", run.GetID())
	listed, err := temporals.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query})
	check(t, err)
	var runs []any
	for _, it := range listed.Executions {
		runs = append(runs, it.Execution.RunId, it.Status)
	}
	same(t, runs, []any{again.GetRunID(), "Failed", run.GetRunID(), "Completed"})
	failed := &workflowservice.CountWorkflowExecutionsRequest{Query: query + " AND ExecutionStatus = 'Failed'"}
	counted, err := temporals.CountWorkflow(ctx, failed)
	check(t, err)
	same(t, counted.Count, 1)
	_, err = temporals.DescribeWorkflowExecution(ctx, "go-nobody", "")
	as[*serviceerror.NotFound](t, err)
}

func TestAnActivityFailsAndIsTriedAgain(t *testing.T) {
	ctx := begin(t)
	var result string
	check(t, start(ctx, t, "activity_retry", "retried", "thrice").Get(ctx, &result))
	same(t, result, "attempt 3 after 2")
	same(t, said.all(), []string{"attempt 1", "attempt 2", "attempt 3"})
}

func TestAnActivityFailsForGood(t *testing.T) {
	ctx := begin(t)
	var result string
	check(t, start(ctx, t, "activity_retry", "out-of-stock", "out of stock").Get(ctx, &result))
	same(t, result, "ordered elsewhere")
	same(t, said.all(), []string{"attempt 1"})
	never := as[*temporal.ActivityError](t, start(ctx, t, "activity_retry", "never", "never").Get(ctx, nil))
	same(t, never.RetryState(), enums.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED)
	same(t, as[*temporal.ApplicationError](t, never.Unwrap()).Message(), "attempt 3")
}

func TestItIsHealthy(t *testing.T) {
	ctx := begin(t)
	_, err := temporals.CheckHealth(ctx, &client.CheckHealthRequest{})
	check(t, err)
}
