package engine

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/internal/core/snowman"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// What peers say about consensus, turned into the core's inputs. A field of a wrong length is the peer's fault and ends nothing but the
// message; the request it may have answered runs into its timeout or is failed as undecodable.

func (e *engine) onPushQuery(n primitives.NodeID, m *enginev1.PushQuery) {
	if e.core == nil {
		e.refuse(n, m.GetRequestId(), requests.Chits, notStarted)
		return
	}
	e.step(snowman.PushQuery{Node: n, RequestID: m.GetRequestId(), Container: m.GetContainer(), Height: m.GetRequestedHeight()})
}

func (e *engine) onPullQuery(n primitives.NodeID, m *enginev1.PullQuery) {
	id, err := primitives.HashFrom(m.GetContainerId())
	switch {
	case err != nil:
		e.report(n, costUndecodable, "a query for an id that is none")
		e.refuse(n, m.GetRequestId(), requests.Chits, "the id isn't one")
	case e.core == nil:
		e.refuse(n, m.GetRequestId(), requests.Chits, notStarted)
	default:
		e.step(snowman.PullQuery{Node: n, RequestID: m.GetRequestId(), ID: id, Height: m.GetRequestedHeight()})
	}
}

func (e *engine) onChits(n primitives.NodeID, m *enginev1.Chits) {
	in := snowman.Chits{Node: n, RequestID: m.GetRequestId(), AcceptedHeight: m.GetAcceptedHeight()}
	var err [3]error
	in.Preferred, err[0] = primitives.HashFrom(m.GetPreferredId())
	in.PreferredAt, err[1] = primitives.HashFrom(m.GetPreferredIdAtHeight())
	in.Accepted, err[2] = primitives.HashFrom(m.GetAcceptedId())
	if err[0] != nil || err[1] != nil || err[2] != nil {
		e.undecodable(n, m.GetRequestId(), requests.Chits)
		return
	}
	e.step(in)
}

func (e *engine) onAcceptedFrontier(n primitives.NodeID, m *enginev1.AcceptedFrontier) {
	id, err := primitives.HashFrom(m.GetContainerId())
	if err != nil {
		e.undecodable(n, m.GetRequestId(), requests.AcceptedFrontier)
		return
	}
	e.step(snowman.AcceptedFrontier{Node: n, RequestID: m.GetRequestId(), ID: id})
}

func (e *engine) onAccepted(n primitives.NodeID, m *enginev1.Accepted) {
	in := snowman.Accepted{Node: n, RequestID: m.GetRequestId()}
	for _, raw := range m.GetContainerIds()[:min(len(m.GetContainerIds()), maxAccepted)] {
		id, err := primitives.HashFrom(raw)
		if err != nil {
			e.undecodable(n, m.GetRequestId(), requests.Accepted)
			return
		}
		in.IDs = append(in.IDs, id)
	}
	e.step(in)
}

// undecodable ends a request whose answer can't be read.
func (e *engine) undecodable(n primitives.NodeID, id uint32, answer requests.Answer) {
	e.report(n, costUndecodable, "an undecodable answer")
	e.step(snowman.RequestFailed{Node: n, RequestID: id, Answer: answer, Reason: requests.Undecodable})
}

// onUnanswered is the peer's word that a request of ours gets no answer.
func (e *engine) onUnanswered(n primitives.NodeID, m *enginev1.Unanswered) {
	answer := requests.Answer(m.GetAnswer())
	if answer == requests.AppResponse {
		e.failApp(n, m.GetRequestId(), &requests.AppError{Code: requests.ErrUndefined.Code, Message: m.GetReason()})
		return
	}
	e.step(snowman.RequestFailed{Node: n, RequestID: m.GetRequestId(), Answer: answer, Reason: requests.Remote})
}

// failure is a message of the bus that says that a request of ours gets no answer.
type failure interface {
	GetNodeId() []byte
	GetRequestId() uint32
	GetReason() enginev1.FailureReason
}

// missing is the answer that a failure is in place of; 0: it is no failure.
func missing(m proto.Message) requests.Answer {
	switch m.(type) {
	case *enginev1.GetStateSummaryFrontierFailed:
		return requests.StateSummaryFrontier
	case *enginev1.GetAcceptedStateSummaryFailed:
		return requests.AcceptedStateSummary
	case *enginev1.GetAcceptedFrontierFailed:
		return requests.AcceptedFrontier
	case *enginev1.GetAcceptedFailed:
		return requests.Accepted
	case *enginev1.GetAncestorsFailed:
		return requests.Ancestors
	case *enginev1.GetFailed:
		return requests.Put
	case *enginev1.QueryFailed:
		return requests.Chits
	case *enginev1.AppRequestFailed:
		return requests.AppResponse
	}
	return 0
}

// onRequestFailed takes a failure that came as a message of the bus.
func (e *engine) onRequestFailed(n primitives.NodeID, f failure, answer requests.Answer) {
	if app, ok := f.(*enginev1.AppRequestFailed); ok {
		e.onAppRequestFailed(n, app)
		return
	}
	e.step(snowman.RequestFailed{
		Node: n, RequestID: f.GetRequestId(), Answer: answer, Reason: requests.Reason(f.GetReason()),
	})
}

// onNotify takes an event of the VM.
func (e *engine) onNotify(ev enginev1.Event) {
	if ev == enginev1.Event_EVENT_PENDING_TXS {
		e.sub.Log.Debug("the VM has transactions")
		e.step(snowman.PendingTxs{})
		return
	}
	e.drop("an event of the VM that only state sync waits for")
}
