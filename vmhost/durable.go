package vmhost

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
)

// durable tells the plugin up to which height its blocks are durable, which is when it may tell its users. It does so
// beside block calls, and says one thing for many blocks when the plugin takes its time.
type durable struct {
	sub   *subsystem.Sub
	life  *life
	store *chainstore.Record

	// told is what the plugin to has heard last; deaf is one that doesn't know the call.
	to, deaf *generation
	told     uint64
	telling  bool
}

// tell is called when more may be durable.
func (d *durable) tell() {
	g, last := d.life.gen, d.store.Last()
	if g == nil || g == d.deaf || d.telling || g == d.to && last.Height <= d.told {
		return
	}
	d.telling = true
	subsystem.Offload(d.sub, func() (struct{}, error) {
		ctx, cancel := context.WithTimeout(context.Background(), d.life.limits.AppCall)
		defer cancel()
		_, err := g.vm.Committed(ctx, &pluginv1.CommittedRequest{Height: last.Height})
		return struct{}{}, err
	}, func(_ struct{}, err error) {
		d.telling = false
		switch {
		case err == nil:
			d.to, d.told = g, last.Height
		case status.Code(err) == codes.Unimplemented:
			d.deaf = g
		default:
			d.life.failed(g, "Committed", err)
		}
		d.tell()
	})
}
