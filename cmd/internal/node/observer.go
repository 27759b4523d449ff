package node

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// observerName is the role in which the gateway asks the node's parts how they are. Nobody sends to it.
const observerName = "gateway"

// askTimeout is how long a part may take to say how it is.
const askTimeout = time.Second

// picture is what the parts said, each with its error when it said nothing.
type picture struct {
	engine   *enginev1.QueryStatusResponse
	vm       *vmv1.QueryStatusResponse
	peers    *nbv1.PeersResponse
	keystore *keystorev1.StatusResponse
	errs     map[string]error // by subsystem
}

// observer is a subsystem that asks all others how they are, when somebody wants to know. Several who want to know at once
// share one round of questions.
type observer struct{ handler atomic.Pointer[looker] }

func (o *observer) spec() subsystem.Spec {
	return subsystem.Spec{
		Name: observerName,
		Asks: []proto.Message{
			&enginev1.QueryStatus{}, &vmv1.QueryStatus{}, &nbv1.Peers{}, &keystorev1.Status{},
			&vmv1.GetBlockIDAtHeight{}, &vmv1.GetConsensusBlock{}, &vmv1.GetBlock{},
		},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			l := &looker{sub: sub}
			o.handler.Store(l)
			return l, nil
		},
	}
}

// look asks all parts. It may be called from any goroutine.
func (o *observer) look(ctx context.Context) (*picture, error) {
	l := o.handler.Load()
	if l == nil {
		return nil, errors.New("the overseer is starting")
	}
	answer := make(chan *picture, 1)
	l.sub.Post(func() { l.want(answer) })
	select {
	case p := <-answer:
		return p, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ask asks one question on the observer's behalf. It may be called from any goroutine.
func ask[R proto.Message](ctx context.Context, o *observer, req proto.Message) (R, error) {
	type outcome struct {
		resp R
		err  error
	}
	var none R
	l := o.handler.Load()
	if l == nil {
		return none, errors.New("the overseer is starting")
	}
	answer := make(chan outcome, 1)
	l.sub.Post(func() {
		subsystem.Ask(l.sub, req, askTimeout, func(r R, err error) { answer <- outcome{r, err} })
	})
	select {
	case a := <-answer:
		return a.resp, a.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// looker is the handler: everything but its creation happens on the loop.
type looker struct {
	sub     *subsystem.Sub
	waiting []chan<- *picture
	asking  bool
}

// Signal has nothing to do: what the timeline says, the parts say too.
func (l *looker) Signal(*overseerv1.Signal) {}

// Handle refuses: nobody sends to the observer.
func (l *looker) Handle(m *subsystem.Message) { m.Unknown() }

func (l *looker) want(answer chan<- *picture) {
	l.waiting = append(l.waiting, answer)
	if !l.asking {
		l.ask()
	}
}

func (l *looker) ask() {
	l.asking = true
	p := &picture{errs: map[string]error{}}
	who := l.waiting
	l.waiting = nil
	open := 4
	done := func(name string, err error) {
		if err != nil {
			p.errs[name] = err
		}
		if open--; open == 0 {
			l.tell(p, who)
		}
	}
	subsystem.Ask(l.sub, &enginev1.QueryStatus{}, askTimeout, func(r *enginev1.QueryStatusResponse, err error) { p.engine = r; done("engine", err) })
	subsystem.Ask(l.sub, &vmv1.QueryStatus{}, askTimeout, func(r *vmv1.QueryStatusResponse, err error) { p.vm = r; done("vm", err) })
	subsystem.Ask(l.sub, &nbv1.Peers{}, askTimeout, func(r *nbv1.PeersResponse, err error) { p.peers = r; done("network-bridge", err) })
	subsystem.Ask(l.sub, &keystorev1.Status{}, askTimeout, func(r *keystorev1.StatusResponse, err error) { p.keystore = r; done("keystore", err) })
}

func (l *looker) tell(p *picture, who []chan<- *picture) {
	for _, w := range who {
		w <- p
	}
	l.asking = false
	if len(l.waiting) > 0 {
		l.ask()
	}
}
