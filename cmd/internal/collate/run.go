package collate

import (
	"context"
	"errors"
	"net"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/reevenet/reeve/internal/bus/httpdoor"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services/collator/para"
)

// places are those of the ledger's door.
var places = httpdoor.Places{Connections: 128, OfAddress: 64, Requests: 64, RequestsOfAddress: 32}

// Run produces blocks of the para at a node until ctx ends, and answers its users at the listener.
func (c *Chain) Run(ctx context.Context, at subsystem.Options, id uint32, l net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	door := httpdoor.New(httpdoor.Counted(c.Handler(), busy), places, at.Log)
	group.Go(func() error {
		if err := door.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return door.Close()
	})
	group.Go(func() error { return subsystem.Run(ctx, para.Spec(id, c), at) })
	return group.Wait()
}

func busy(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "so many requests are under way that this one has no place", http.StatusServiceUnavailable)
}
