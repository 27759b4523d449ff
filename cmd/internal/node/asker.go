package node

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/services"
)

// askerName is the role in which the gateway asks the node's parts what clients want to know, and
// operators want done. Nobody sends to it.
const askerName = "gateway"

// askTimeout is how long a part may take to answer.
const askTimeout = time.Second

// asker is the gateway's place on the bus.
type asker struct {
	sub    atomic.Pointer[subsystem.Sub]
	status func() broker.Status
}

// absent is the error of a question whose part isn't attached: nobody has to wait to know that.
func (a *asker) absent(chain string, req proto.Message) error {
	if a.status == nil {
		return nil
	}
	v := registry.Node().Of(req)
	if v == nil {
		return nil // asking says what is wrong with it
	}
	box := mailboxOf(overseer.Report{Status: a.status()}, v.Subsystem, chain)
	if box == nil || !attached(box) {
		return fmt.Errorf("%s can't be asked: %s", services.Parts().ProcessOf(v.Subsystem), missing(box))
	}
	return nil
}

func (a *asker) spec() subsystem.Spec {
	return subsystem.Spec{
		Name: askerName,
		Asks: []proto.Message{
			&nbv1.Peers{}, &vmv1.GetBlockIDAtHeight{}, &vmv1.GetConsensusBlock{}, &vmv1.GetBlock{},
			&enginev1.QueryHeight{}, &vmv1.Version{}, &pluginv1.HealthCheckRequest{}, &pluginv1.SetLogLevelRequest{},
			&vmv1.RestartPlugin{},
		},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			a.sub.Store(sub)
			return silent{}, nil
		},
	}
}

// silent is the handler of a subsystem that only asks.
type silent struct{}

// Signal has nothing to do: who asks wants to know the present.
func (silent) Signal(*overseerv1.Signal) {}

// Handle refuses: nobody sends to the gateway.
func (silent) Handle(m *subsystem.Message) { m.Unknown() }

// ask asks one question on the gateway's behalf, of the part that serves a chain if there is one per chain. It may be
// called from any goroutine.
func ask[R proto.Message](ctx context.Context, a *asker, chain string, req proto.Message) (R, error) {
	type outcome struct {
		resp R
		err  error
	}
	var none R
	if err := a.absent(chain, req); err != nil {
		return none, err
	}
	sub := a.sub.Load()
	if sub == nil {
		return none, errors.New("the overseer is starting")
	}
	answer := make(chan outcome, 1)
	sub.Post(func() {
		subsystem.Ask(sub.On(chain), req, askTimeout, func(r R, err error) { answer <- outcome{r, err} })
	})
	select {
	case got := <-answer:
		return got.resp, got.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}
