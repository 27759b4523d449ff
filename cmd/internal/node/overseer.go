package node

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/internal/bus/httpdoor"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/descriptors"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/telemetry"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/internal/store/quarantine"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	"github.com/reevenet/reeve/services"
)

// Overseer is the process in the middle: the bus, and the gateway for clients and monitoring. It returns when ctx has
// ended and what was begun is finished, or with the reason why it can't go on.
func (n *Node) Overseer(ctx context.Context) error {
	release, err := n.lock()
	if err != nil {
		return err
	}
	defer release()
	kind, err := carrier.Parse("")
	if err != nil {
		return misconfigured(err)
	}
	if err := n.markFormat(); err != nil {
		return err
	}
	listeners, err := n.open()
	if err != nil {
		return err
	}
	defer listeners.close()
	tracing, err := telemetry.Start(ctx, "overseer")
	if err != nil {
		return misconfigured(err)
	}
	defer tracing.Close()
	server, err := n.newServer()
	if err != nil {
		return err
	}
	own, named := labelled("overseer", "", "")
	own.MustRegister(&busMetrics{server.Server}, &partMetrics{server.Report})
	bus := server.Listen(grpcx.Server{Log: n.Log, Metrics: grpcx.Metrics(named), Creds: grpcx.PeerCreds()}, kind)
	door := n.gateway(server, own)
	door.Tracer, door.Sampled = tracing.Tracer, tracing.Small
	g := gateway.New(door)
	// The gateway outlives ctx until the bus has drained; then it ends, too.
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	ending, end := context.WithCancel(failed)
	defer end()
	drain, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	group.Go(func() error { return bus.Serve(listeners.bus) })
	files := descriptors.Count()
	files.Tell(n.Log)
	open := func(l net.Listener, h http.Handler, p httpdoor.Places) {
		group.Go(func() error { return gateway.Serve(ending, drain, l, h, p, n.Log) })
	}
	open(listeners.http, g.Handler(), gateway.ClientPlaces(n.Config.HTTP, files.Clients))
	open(listeners.metrics, g.Monitoring(), gateway.MonitoringPlaces)
	open(listeners.monitor, g.Operating(listeners.key.Guard), gateway.MonitoringPlaces)
	group.Go(func() error {
		return subsystem.Run(ending, server.asker.spec(),
			subsystem.Options{Address: n.Bus(), Token: server.token, Log: n.Log})
	})
	group.Go(func() error { return watchChecks(ending, n.Log, door.Checks) })
	n.Log.Info("overseer is running", "epoch", server.epoch, "bus", n.Bus(), "http", n.Config.HTTP.Listen)
	select {
	case <-ctx.Done():
	case <-failed.Done():
	}
	time.AfterFunc(n.Config.Drain.Timeout, cancel)
	end()
	// The bus ends at once: subsystems attach again to the next overseer, and what wasn't acknowledged comes with them.
	server.Close()
	bus.Stop()
	if err := group.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// lock makes sure that a node has one overseer, before anything of its data or its sockets is touched.
func (n *Node) lock() (release func(), err error) {
	dir := n.Home.Data("overseer")
	if err := (disk.OS{}).MkdirAll(dir, 0o755); err != nil {
		return nil, broken(n.Home, err)
	}
	release, err = datadir.Lock(dir)
	var busy *datadir.InUse
	switch {
	case errors.As(err, &busy):
		return nil, errcode.New(errcode.DataDirInUse, "Stop it first, or start another node.", nil,
			"another overseer runs %s: %v", n.Home.Name, busy)
	case err != nil:
		return nil, broken(n.Home, err)
	}
	return release, nil
}

// server is the overseer with what this process adds to it.
type server struct {
	*overseer.Server
	asker *asker
	token []byte // of the asker, known to this process alone
	epoch uint64
}

func (n *Node) newServer() (*server, error) {
	epoch, err := nextEpoch(n.Home)
	if err != nil {
		return nil, broken(n.Home, err)
	}
	s := &server{asker: &asker{}, token: make([]byte, 32), epoch: epoch}
	rand.Read(s.token) //nolint:errcheck // it never fails
	core, err := overseer.New(overseer.Config{Specs: services.Parts().Specs(), Chains: n.chains(), Epoch: epoch,
		Log: n.Log, Token: func(name string) ([]byte, error) {
			if name == askerName {
				return s.token, nil
			}
			return datadir.Token(n.Home, name)
		}})
	if err != nil {
		return nil, err
	}
	s.Server = overseer.NewServer(core, &quarantine.Store{Dir: QuarantineDir(n.Home)})
	s.asker.status = s.Status
	return s, nil
}

// QuarantineDir is where a node's overseer keeps the messages that ended two instances.
func QuarantineDir(h datadir.Node) string { return filepath.Join(h.Data("overseer"), "quarantine") }

// gateway connects the gateway with what this process knows.
func (n *Node) gateway(s *server, own *prometheus.Registry) gateway.Config {
	times := &since{known: map[string]gateway.Check{}}
	return gateway.Config{
		Hosts:     n.Config.HTTP.Hosts,
		CallsPerS: n.Config.HTTP.CallsPerS,
		Chain: func(name string) (string, bool) {
			c, ok := n.Genesis.Chain(name)
			return n.ChainSocket(c.Name), ok
		},
		Alive: func(context.Context) error { return s.Alive() },
		Checks: func(ctx context.Context) []gateway.Check {
			r, err := s.Report(ctx)
			if err != nil {
				return times.stamp(time.Now(), []gateway.Check{{Name: "overseer", Cause: err.Error()}})
			}
			return times.stamp(time.Now(), checks(r, services.Parts(), n.Genesis.Chains))
		},
		Info: func(ctx context.Context) (*gateway.Info, error) {
			r, err := s.Report(ctx)
			if err != nil {
				return nil, err
			}
			return n.info(r, services.Parts()), nil
		},
		Bus: func() []gateway.Mailbox { return mailboxes(s.Status()) },
		Peers: func(ctx context.Context) ([]gateway.Peer, error) {
			r, err := ask[*nbv1.PeersResponse](ctx, s.asker, "", &nbv1.Peers{})
			return peersOf(r), err
		},
		Proof: func(ctx context.Context, chain, at string) ([]byte, error) {
			return n.proof(ctx, s.asker, chain, at)
		},
		Why: func(ctx context.Context, chain, at string) (*gateway.Why, error) {
			return n.why(ctx, s.asker, chain, at)
		},
		Steps: func(ctx context.Context, about []byte) (*gateway.Steps, error) {
			r, err := s.About(ctx, about)
			if err != nil {
				return nil, err
			}
			return stepsOf(n.Home.Name, r), nil
		},
		Block: func(ctx context.Context, chain, at string) (*gateway.Block, error) {
			return n.block(ctx, s.asker, chain, at)
		},
		Metrics:  n.sources(s.Server, own),
		Operator: n.operator(s.asker),
	}
}
