import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.RetryState;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.api.workflow.v1.PendingActivityInfo;
import io.temporal.client.ActivityCanceledException;
import io.temporal.client.ActivityCompletionException;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowQueryException;
import io.temporal.client.WorkflowStub;
import io.temporal.common.converter.DefaultDataConverter;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TerminatedFailure;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerOptions;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Temporal's Java client and activity worker against `sandglass serve`, whose address the environment gives as SANDGLASS_ADDRESS.
 *
 * <p>The workflows are components of `guest-examples`: `greeting` cancels an activity through its handle, `cancellation` cleans up when it is
 * canceled, `activity_retry` tries an activity again, `signal_approval` waits for signals.
 */
@Timeout(60)
class InterruptTest {
  private static final String QUEUE = "java";
  private static final List<String> said = new CopyOnWriteArrayList<>();
  private static WorkflowServiceStubs service;
  private static WorkflowClient client;
  private static WorkerFactory factory;

  @ActivityInterface
  public interface Activities {
    @ActivityMethod(name = "cancellable_activity")
    void cancellable(Object input);

    @ActivityMethod(name = "cleanup")
    String cleanup();

    @ActivityMethod(name = "flaky")
    String flaky(String mode);
  }

  public static class Working implements Activities {
    /** Works until it is told to stop. */
    @Override
    public void cancellable(Object input) {
      ActivityExecutionContext context = Activity.getExecutionContext();
      try {
        while (true) {
          context.heartbeat("some details");
          moment(50);
        }
      } catch (ActivityCompletionException stopped) {
        said.add(stopped instanceof ActivityCanceledException ? "asked to stop" : "nobody waits");
        throw stopped;
      }
    }

    /** Ends when it is the only activity left of its workflow: whoever was canceled has said so by then. */
    @Override
    public String cleanup() {
      String id = Activity.getExecutionContext().getInfo().getWorkflowId();
      while (pending(client.newUntypedWorkflowStub(id)).size() > 1) {
        moment(20);
      }
      said.add("cleaned up");
      return "clean";
    }

    /** Fails twice, and remembers by its heartbeats; `out of stock` is not worth another attempt, `never` never works. */
    @Override
    public String flaky(String mode) {
      ActivityExecutionContext context = Activity.getExecutionContext();
      int attempt = context.getInfo().getAttempt();
      said.add("attempt " + attempt);
      if (mode.equals("out of stock")) {
        throw ApplicationFailure.newFailure("none left", "OutOfStock", 3, "shelves");
      }
      if (mode.equals("never") || attempt < 3) {
        context.heartbeat(attempt);
        throw new IllegalStateException("attempt " + attempt);
      }
      Optional<Integer> last = context.getHeartbeatDetails(Integer.class);
      return "attempt " + attempt + " after " + last.orElseThrow();
    }
  }

  @BeforeAll
  static void connect() {
    String address = System.getenv("SANDGLASS_ADDRESS");
    WorkflowServiceStubsOptions options = WorkflowServiceStubsOptions.newBuilder().setTarget(address).build();
    service = WorkflowServiceStubs.newConnectedServiceStubs(options, Duration.ofSeconds(10));
    client = WorkflowClient.newInstance(service);
    factory = WorkerFactory.newInstance(client);
    // The heartbeat timeout of 30 s would let it hold heartbeats back for 24 s.
    Duration throttle = Duration.ofMillis(200);
    Worker worker = factory.newWorker(QUEUE, WorkerOptions.newBuilder().setMaxHeartbeatThrottleInterval(throttle).build());
    worker.registerActivitiesImplementations(new Working());
    factory.start();
  }

  @AfterAll
  static void disconnect() {
    factory.shutdown();
    factory.awaitTermination(10, TimeUnit.SECONDS);
    service.shutdown();
    assertTrue(service.awaitTermination(10, TimeUnit.SECONDS));
  }

  @BeforeEach
  void forget() {
    said.clear();
  }

  private static void moment(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException(interrupted);
    }
  }

  private static void heard(String word) {
    while (!said.contains(word)) {
      moment(10);
    }
  }

  private static WorkflowStub stub(String workflow, String id) {
    WorkflowOptions options = WorkflowOptions.newBuilder().setWorkflowId("java-" + id).setTaskQueue(QUEUE).build();
    return client.newUntypedWorkflowStub(workflow, options);
  }

  private static WorkflowStub start(String workflow, String id, Object... args) {
    WorkflowStub stub = stub(workflow, id);
    WorkflowExecution execution = stub.start(args);
    // As one has it who was not there when it was started.
    return client.newUntypedWorkflowStub(execution.getWorkflowId());
  }

  private static List<PendingActivityInfo> pending(WorkflowStub run) {
    return run.describe().getRawDescription().getPendingActivitiesList();
  }

  /** Why the workflow did not complete. */
  private static Throwable failure(WorkflowStub run) {
    return assertThrows(WorkflowFailedException.class, () -> run.getResult(Object.class)).getCause();
  }

  private static List<EventType> events(WorkflowStub run) {
    String id = run.getExecution().getWorkflowId();
    return client.streamHistory(id).map(event -> event.getEventType()).toList();
  }

  private static EventType last(List<EventType> events) {
    return events.get(events.size() - 1);
  }

  @Test
  void anActivityIsCanceledThroughItsHandle() {
    WorkflowStub run = start("greeting", "activity-canceled", Map.of("arg1", "Hello", "arg2", "World"));
    ActivityFailure failed = assertInstanceOf(ActivityFailure.class, failure(run));
    assertEquals("cancellable_activity", failed.getActivityType());
    assertInstanceOf(CanceledFailure.class, failed.getCause());
    assertEquals(List.of("asked to stop", "cleaned up"), said);
    List<EventType> events = events(run);
    assertEquals(1, Collections.frequency(events, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED));
    assertEquals(1, Collections.frequency(events, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED));
    assertEquals(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, last(events));
  }

  @Test
  void aHeartbeatSaysHowFarAnActivityIs() {
    WorkflowStub run = start("greeting", "heartbeat", "World");
    while (pending(run).isEmpty() || !pending(run).get(0).hasHeartbeatDetails()) {
      moment(10);
    }
    var payload = pending(run).get(0).getHeartbeatDetails().getPayloads(0);
    String details = DefaultDataConverter.STANDARD_INSTANCE.fromPayload(payload, String.class, String.class);
    assertEquals("some details", details);
    run.terminate("seen");
    heard("nobody waits");
  }

  @Test
  void aWorkflowIsCanceledAndCleansUp() {
    WorkflowStub run = start("cancellation", "canceled", "cleanup");
    run.cancel();
    assertInstanceOf(CanceledFailure.class, failure(run));
    assertEquals(List.of("cleaned up"), said);
    assertEquals(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED, run.describe().getStatus());
    List<EventType> events = events(run);
    assertEquals(1, Collections.frequency(events, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED));
    assertEquals(1, Collections.frequency(events, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED));
    assertEquals(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, last(events));
    // A cancel of a closed run is no error.
    run.cancel();
  }

  @Test
  void aWorkflowIsTerminated() {
    WorkflowStub run = start("greeting", "terminated", "World");
    while (pending(run).isEmpty()) {
      moment(10);
    }
    run.terminate("enough");
    assertInstanceOf(TerminatedFailure.class, failure(run));
    heard("nobody waits");
    assertEquals(List.of("nobody waits"), said);
    assertEquals(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED, run.describe().getStatus());
    List<EventType> events = events(run);
    assertEquals(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED, last(events));
    assertEquals(1, Collections.frequency(events, EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED));
    WorkflowNotFoundException gone = assertThrows(WorkflowNotFoundException.class, () -> run.terminate("again"));
    assertTrue(gone.getCause().getMessage().endsWith("workflow execution already completed"), gone.getCause().getMessage());
  }

  @Test
  void signalsQueriesAndIds() {
    WorkflowStub run = start("signal_approval", "approval");
    assertEquals("waiting", run.query("status", String.class));
    assertThrows(WorkflowQueryException.class, () -> run.query("nothing of that name", String.class));
    assertThrows(WorkflowExecutionAlreadyStarted.class, () -> start("signal_approval", "approval"));
    run.signal("approve", "Ada");
    assertEquals("approved by Ada", run.getResult(String.class));
    assertEquals("approved", run.query("status", String.class));
    assertEquals(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED, run.describe().getStatus());
    WorkflowStub again = stub("signal_approval", "approval");
    again.signalWithStart("reject", new Object[0], new Object[0]);
    ApplicationFailure rejected = assertInstanceOf(ApplicationFailure.class, failure(again));
    assertEquals("rejected", rejected.getOriginalMessage());
    assertEquals("NotApproved", rejected.getType());
    assertTrue(rejected.isNonRetryable());
    String query = "WorkflowId = 'java-approval'";
    assertEquals(
        List.of(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED, WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED),
        client.listExecutions(query).map(it -> it.getStatus()).toList());
    assertEquals(1, client.countWorkflows(query + " AND ExecutionStatus = 'Failed'").getCount());
    assertThrows(WorkflowNotFoundException.class, () -> client.newUntypedWorkflowStub("java-nobody").describe());
  }

  @Test
  void anActivityFailsAndIsTriedAgain() {
    assertEquals("attempt 3 after 2", start("activity_retry", "retried", "thrice").getResult(String.class));
    assertEquals(List.of("attempt 1", "attempt 2", "attempt 3"), said);
  }

  @Test
  void anActivityFailsForGood() {
    assertEquals("ordered elsewhere", start("activity_retry", "out-of-stock", "out of stock").getResult(String.class));
    assertEquals(List.of("attempt 1"), said);
    ActivityFailure never = assertInstanceOf(ActivityFailure.class, failure(start("activity_retry", "never", "never")));
    assertEquals(RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED, never.getRetryState());
    ApplicationFailure cause = assertInstanceOf(ApplicationFailure.class, never.getCause());
    assertEquals("attempt 3", cause.getOriginalMessage());
  }
}
