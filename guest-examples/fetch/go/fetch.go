// Package export_wit_world is an activity that gets a page over HTTP and keeps it in a folder.
//
// It has only what the operator grants it: the page's host, a folder that it calls /pages, and the variable API_TOKEN, if the page asks for one.
package export_wit_world

import (
	"fmt"
	"net/url"
	"os"

	wit "go.bytecodealliance.org/pkg/wit/types"
	"sandglass"
	failures "wit_component/sandglass_workflow_failures"
	log "wit_component/sandglass_workflow_log"
	handler "wit_component/wasi_http_outgoing_handler"
	http "wit_component/wasi_http_types"
	streams "wit_component/wasi_io_streams"
)

const bodyBytesMax = 1024 * 1024

type order struct {
	URL string `json:"url"`
	// Name is what the page is called in the folder.
	Name string `json:"name"`
}

type page struct {
	Status uint16 `json:"status"`
	Bytes  int    `json:"bytes"`
}

// Run is one attempt.
func Run(input []sandglass.Payload) sandglass.Result {
	return sandglass.Run(input, fetch)
}

func fetch(order order) (kept page, err error) {
	status, body, err := get(order.URL)
	if err != nil {
		return kept, err
	}
	if status >= 500 {
		return kept, again("ServerError", fmt.Sprintf("status %d", status))
	}
	file := "/pages/" + order.Name
	if err := os.WriteFile(file, body, 0o644); err != nil {
		return kept, sandglass.Fail("NotKept", fmt.Sprintf("%s cannot be written: %v", file, err))
	}
	log.Info(fmt.Sprintf("kept %d bytes of %s", len(body), order.URL))
	return page{Status: status, Bytes: len(body)}, nil
}

func get(address string) (status uint16, body []byte, err error) {
	request, err := newRequest(address)
	if err != nil {
		return 0, nil, err
	}
	sent := handler.Handle(request, wit.None[*http.RequestOptions]())
	if sent.IsErr() {
		return 0, nil, notGot(sent.Err())
	}
	pending := sent.Ok()
	ready := pending.Subscribe()
	ready.Block()
	ready.Drop()
	// It is there, and nobody has taken it.
	answer := pending.Get().Some().Ok()
	if answer.IsErr() {
		return 0, nil, notGot(answer.Err())
	}
	response := answer.Ok()
	body, err = read(response.Consume().Ok())
	return response.Status(), body, err
}

func newRequest(address string) (*http.OutgoingRequest, error) {
	parsed, err := url.Parse(address)
	if err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		return nil, sandglass.Fail("BadUrl", address+" is no address")
	}
	headers := http.MakeFields()
	if token, given := os.LookupEnv("API_TOKEN"); given {
		headers.Append("authorization", []byte("Bearer "+token))
	}
	scheme := http.MakeSchemeHttps()
	if parsed.Scheme == "http" {
		scheme = http.MakeSchemeHttp()
	}
	request := http.MakeOutgoingRequest(headers)
	request.SetScheme(sandglass.Some(scheme))
	request.SetAuthority(sandglass.Some(parsed.Host))
	request.SetPathWithQuery(sandglass.Some(parsed.RequestURI()))
	return request, nil
}

func read(body *http.IncomingBody) (page []byte, err error) {
	// The one stands on the other: they are dropped in this order.
	defer body.Drop()
	stream := body.Stream().Ok()
	defer stream.Drop()
	for len(page) <= bodyBytesMax {
		piece := stream.BlockingRead(64 * 1024)
		if piece.IsOk() {
			page = append(page, piece.Ok()...)
			continue
		}
		if ended := piece.Err(); ended.Tag() != streams.StreamErrorClosed {
			return nil, again("NotGot", ended.LastOperationFailed().ToDebugString())
		}
		return page, nil
	}
	return nil, sandglass.Fail("TooLarge", "the page is too large")
}

// What is denied stays denied; anything else may go better the next time.
func notGot(code http.ErrorCode) error {
	if code.Tag() == http.ErrorCodeHttpRequestDenied {
		return sandglass.Fail("Denied", "the page cannot be had: it is denied")
	}
	return again("NotGot", fmt.Sprintf("the page cannot be had: error %d of wasi:http", code.Tag()))
}

// A failure that is tried again, as the retry policy says.
func again(errorType, message string) error {
	return sandglass.Failure{Failure: failures.Application(message, errorType, false)}
}
