package overseertest

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer/subsystem"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

// link is the subsystem's way to the test.
type link struct{ o *Overseer }

// Write takes a batch apart.
func (k *link) Write(batch []byte, _ bool) (free []byte, err error) {
	return nil, wire.Frames(batch, func(tag wire.Tag, body []byte) error {
		if k != k.o.link {
			return nil
		}
		if tag == wire.TagStatusAnswer {
			k.o.status = &statusv1.StatusResponse{}
			return proto.Unmarshal(body, k.o.status)
		}
		if tag != wire.TagFromEnvelope {
			return nil
		}
		e := &wire.Envelope{}
		if err := wire.ParseEnvelope(body, e, wire.Names{}); err != nil {
			return err
		}
		k.o.received(e)
		return nil
	})
}

// received is the overseer receiving an envelope of the subsystem's.
func (o *Overseer) received(e *wire.Envelope) {
	switch e.Kind {
	case wire.OneWay, wire.Request:
		o.receivedMessage(e)
	case wire.Reply, wire.Fail:
		o.receivedAnswer(e)
	}
}

func (o *Overseer) receivedMessage(e *wire.Envelope) {
	enum, field, body, err := wire.Variant(e.Message)
	if err != nil {
		o.t.Errorf("%s sent what doesn't decode: %v", o.spec.Name, err)
		return
	}
	v := o.dir.At(enum, field)
	m := v.New()
	if err := proto.Unmarshal(body, m); err != nil {
		o.t.Errorf("%s sent a %s that doesn't decode: %v", o.spec.Name, v.Short(), err)
		return
	}
	o.sent = append(o.sent, Sent{
		Body: m, To: v.Subsystem, Chain: e.Chain, Request: v.IsRequest(), Attempt: int(e.Attempt), id: e.ID, o: o,
	})
	if e.Kind == wire.OneWay && !o.stalled[v.Subsystem] { // the receiver is quick: credit comes back at once
		var batch wire.Batch
		batch.Frame(wire.TagCredit, wire.AppendCredit(nil, []wire.EdgeCredit{
			{To: v.Subsystem, Chain: e.Chain, Lane: v.Lane, Messages: 1, Bytes: uint32(e.Size())},
		}))
		if err := o.machine.Receive(batch.Bytes); err != nil {
			o.t.Error(err)
		}
	}
}

func (o *Overseer) receivedAnswer(e *wire.Envelope) {
	a := o.answers[e.ID]
	if a == nil || a.Done {
		o.t.Errorf("%s answered what nobody asked, or twice", o.spec.Name)
		return
	}
	switch {
	case e.Kind == wire.Fail:
		a.Done = true
		f := e.Failure
		a.Err = &subsystem.Failure{Code: f.Code, Message: f.Message, Detail: f.Detail}
	case e.More:
		a.Items = append(a.Items, o.decode(a, e))
	case a.variant.Stream:
		a.Done = true
	default:
		a.Done, a.Reply = true, o.decode(a, e)
	}
}

func (o *Overseer) decode(a *Answer, e *wire.Envelope) proto.Message {
	m := a.variant.NewResponse()
	if err := proto.Unmarshal(e.Reply, m); err != nil {
		o.t.Errorf("%s answered %s with what doesn't decode: %v", o.spec.Name, a.variant.Short(), err)
	}
	return m
}

// testLog writes a subsystem's log into the test's.
type testLog struct{ t testing.TB }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(b), "\n"))
	return len(b), nil
}
