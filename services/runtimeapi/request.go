package runtimeapi

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

const (
	// vmTimeout is how long the VM may take. It is below what askers grant runtime-api (services/internal/leaf).
	vmTimeout = 4 * time.Second
	// maxFlights is how many different questions may be with the VM; more are failed as overloaded.
	maxFlights = 256
	// maxWaiting is how many askers may wait for one of them.
	maxWaiting = 256
)

// key is a question about a block.
type key struct {
	block    primitives.Hash
	question string // its canonical bytes
}

// flight is a question that the VM has been asked, with all who wait for the answer.
type flight struct{ waiting []*subsystem.Message }

func (a *api) onRequest(m *subsystem.Message, r *runtimeapiv1.Request) {
	k, bad := keyOf(r)
	if bad != "" {
		fail(m, runtimeapiv1.RuntimeApiError_CODE_BAD_REQUEST, bad)
		return
	}
	a.asked++
	if answer, known := a.cache.get(k, a.sub.Now()); known {
		a.remembered++
		m.Reply(answered(answer))
		return
	}
	f, flying := a.flights[k]
	if !flying && len(a.flights) >= maxFlights || flying && len(f.waiting) >= maxWaiting {
		m.Fail(subsystem.Failf(subsystem.Overloaded, "too many questions wait for the VM"))
		return
	}
	if !flying {
		f = &flight{}
		a.flights[k] = f
	}
	f.waiting = append(f.waiting, m)
	if !flying {
		a.ask(k, f)
	}
}

// keyOf is the question as it is remembered, or what is wrong with it.
func keyOf(r *runtimeapiv1.Request) (k key, bad string) {
	block, err := primitives.HashFrom(r.GetRelayParent())
	if err != nil {
		return k, "relay parent: " + err.Error()
	}
	if r.GetRequest().GetKind() == nil {
		return k, "there is no question, or one of a kind that this version doesn't know"
	}
	q, err := proto.MarshalOptions{Deterministic: true}.Marshal(r.GetRequest())
	if err != nil {
		return k, err.Error()
	}
	return key{block: block, question: string(q)}, ""
}

func (a *api) ask(k key, f *flight) {
	q := &pluginv1.QueryRuntimeRequest{BlockId: k.block[:], Request: []byte(k.question)}
	subsystem.Ask(a.vm, q, vmTimeout, func(r *pluginv1.QueryRuntimeResponse, err error) {
		answer, failure := read(k, r, err)
		if failure != nil {
			a.land(k, f, &runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Error{Error: failure}})
			return
		}
		a.keep(k, answer, func() { a.land(k, f, answered(answer)) })
	})
}

// land answers all who wait.
func (a *api) land(k key, f *flight, r *runtimeapiv1.RequestResponse) {
	delete(a.flights, k)
	a.trouble = ""
	if e := r.GetError(); e != nil {
		a.failed++
		if e.GetCode() == runtimeapiv1.RuntimeApiError_CODE_VM_FAILED ||
			e.GetCode() == runtimeapiv1.RuntimeApiError_CODE_UNSUPPORTED {
			a.trouble = e.GetDetail()
		}
	}
	for _, m := range f.waiting {
		m.Reply(r)
	}
}

func answered(answer *runtimeapiv1.RuntimeApiAnswer) *runtimeapiv1.RequestResponse {
	return &runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: answer}}
}

func fail(m *subsystem.Message, code runtimeapiv1.RuntimeApiError_Code, detail string) {
	m.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Error{
		Error: &runtimeapiv1.RuntimeApiError{Code: code, Detail: detail}}})
}
