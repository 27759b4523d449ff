package engine

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/internal/core/snowman"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// consensus turns what peers say about consensus into the core's inputs. A field of a wrong length is the peer's fault
// and ends nothing but the message and the request that it may have answered. A query is answered even when there is no
// core.
type consensus struct {
	send *sender
	core interface { // the driver
		started() bool
		step(snowman.Input)
	}
}

func (c *consensus) pushQuery(n primitives.NodeID, m *enginev1.PushQuery) {
	if !c.core.started() {
		c.send.refuse(n, m.GetRequestId(), requests.Chits, notStarted)
		return
	}
	c.core.step(snowman.PushQuery{
		Node: n, RequestID: m.GetRequestId(), Container: m.GetContainer(), Height: m.GetRequestedHeight(),
	})
}

func (c *consensus) pullQuery(n primitives.NodeID, m *enginev1.PullQuery) {
	id, err := primitives.HashFrom(m.GetContainerId())
	switch {
	case err != nil:
		c.send.report(n, costUndecodable, "a query for an id that is none")
		c.send.refuse(n, m.GetRequestId(), requests.Chits, "the id isn't one")
	case !c.core.started():
		c.send.refuse(n, m.GetRequestId(), requests.Chits, notStarted)
	default:
		c.core.step(snowman.PullQuery{Node: n, RequestID: m.GetRequestId(), ID: id, Height: m.GetRequestedHeight()})
	}
}

func (c *consensus) chits(n primitives.NodeID, m *enginev1.Chits) {
	preferred, err1 := primitives.HashFrom(m.GetPreferredId())
	at, err2 := primitives.HashFrom(m.GetPreferredIdAtHeight())
	accepted, err3 := primitives.HashFrom(m.GetAcceptedId())
	if err1 != nil || err2 != nil || err3 != nil {
		c.undecodable(n, m.GetRequestId(), requests.Chits)
		return
	}
	c.core.step(snowman.Chits{
		Node: n, RequestID: m.GetRequestId(), Preferred: preferred, PreferredAt: at,
		Accepted: accepted, AcceptedHeight: m.GetAcceptedHeight(),
	})
}

func (c *consensus) put(n primitives.NodeID, m *enginev1.Put) {
	c.core.step(snowman.Put{
		Node: n, RequestID: m.GetRequestId(), Container: m.GetContainer(), Certificate: m.GetCertificate(),
	})
}

func (c *consensus) ancestors(n primitives.NodeID, m *enginev1.Ancestors) {
	c.core.step(snowman.Ancestors{
		Node: n, RequestID: m.GetRequestId(), Containers: m.GetContainers(), Certificates: m.GetCertificates(),
	})
}

func (c *consensus) acceptedFrontier(n primitives.NodeID, m *enginev1.AcceptedFrontier) {
	id, err := primitives.HashFrom(m.GetContainerId())
	if err != nil {
		c.undecodable(n, m.GetRequestId(), requests.AcceptedFrontier)
		return
	}
	c.core.step(snowman.AcceptedFrontier{Node: n, RequestID: m.GetRequestId(), ID: id})
}

func (c *consensus) accepted(n primitives.NodeID, m *enginev1.Accepted) {
	in := snowman.Accepted{Node: n, RequestID: m.GetRequestId()}
	for _, raw := range m.GetContainerIds()[:min(len(m.GetContainerIds()), maxAccepted)] {
		id, err := primitives.HashFrom(raw)
		if err != nil {
			c.undecodable(n, m.GetRequestId(), requests.Accepted)
			return
		}
		in.IDs = append(in.IDs, id)
	}
	c.core.step(in)
}

// undecodable ends a request whose answer can't be read.
func (c *consensus) undecodable(n primitives.NodeID, id uint32, answer requests.Answer) {
	c.send.report(n, costUndecodable, "an undecodable answer")
	c.failed(n, id, answer, requests.Undecodable)
}

// failed ends a request that gets no answer.
func (c *consensus) failed(n primitives.NodeID, id uint32, answer requests.Answer, why requests.Reason) {
	c.core.step(snowman.RequestFailed{Node: n, RequestID: id, Answer: answer, Reason: why})
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
