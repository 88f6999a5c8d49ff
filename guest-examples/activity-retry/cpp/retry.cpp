// Tries an activity a few times, and says how it ended.
#include "sandglass.hpp"

using namespace sandglass;

// The activity's own failure is the cause of the one that says that it was given up.
static std::string_view error_type(const Failure &failure) {
  if (failure->causes.len == 0 || failure->causes.ptr[0].info.tag != TYPES_FAILURE_INFO_APPLICATION)
    return {};
  return view(failure->causes.ptr[0].info.val.application.error_type);
}

// Its input goes to the activity `flaky`.
Result<Payload> run(Arguments input) {
  auto out_of_stock = borrow("OutOfStock");
  types_retry_policy_t policy{
      .initial_interval = {true, 0.1},
      .maximum_attempts = {true, 3},
      .non_retryable_error_types = {true, {&out_of_stock, 1}},
  };
  Options options{.start_to_close_timeout = {true, 10}, .retry_policy = {true, policy}};
  return execute("flaky", input, options).or_else([](Failure failure) -> Result<Payload> {
    if (error_type(failure) == "OutOfStock")
      return encode("ordered elsewhere");
    return std::unexpected(std::move(failure));
  });
}
