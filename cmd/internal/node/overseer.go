package node

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/store/quarantine"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	"github.com/reevenet/reeve/services"
)

// Overseer is the process in the middle: the bus, and the gateway for clients and monitoring. It returns when ctx has ended
// and what was begun is finished, or with the reason why it can't go on.
func (n *Node) Overseer(ctx context.Context) error {
	if err := n.markFormat(); err != nil {
		return err
	}
	server, err := n.newServer()
	if err != nil {
		return err
	}
	doors, err := n.open()
	if err != nil {
		return err
	}
	defer doors.close()
	kind, err := carrier.Parse("")
	if err != nil {
		return err
	}
	own, named := labelled("overseer")
	own.MustRegister(&busMetrics{server.Server})
	bus := server.Listen(grpcx.Server{Log: n.Log, Metrics: grpcx.Metrics(named), Creds: grpcx.PeerCreds()}, kind)
	g := gateway.New(n.gateway(server, own))
	// The gateway outlives ctx until the bus has drained; then it ends, too.
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	ending, end := context.WithCancel(failed)
	defer end()
	drain, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	group.Go(func() error { return bus.Serve(doors.bus) })
	group.Go(func() error { return gateway.Serve(ending, drain, doors.http, g.Handler(), n.Log) })
	group.Go(func() error { return gateway.Serve(ending, drain, doors.metrics, g.Monitoring(), n.Log) })
	group.Go(func() error { return gateway.Serve(ending, drain, doors.monitor, g.Monitoring(), n.Log) })
	group.Go(func() error {
		return subsystem.Run(ending, server.observer.spec(), subsystem.Options{Address: n.Bus(), Token: server.token, Log: n.Log})
	})
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

// server is the overseer with what this process adds to it.
type server struct {
	*overseer.Server
	observer *observer
	token    []byte // of the observer, known to this process alone
	epoch    uint64
}

func (n *Node) newServer() (*server, error) {
	epoch, err := nextEpoch(n.Home)
	if err != nil {
		return nil, broken(n.Home, err)
	}
	s := &server{observer: &observer{}, token: make([]byte, 32), epoch: epoch}
	rand.Read(s.token) //nolint:errcheck // it never fails
	core, err := overseer.New(overseer.Config{Specs: services.Parts().Specs(), Chains: []string{n.Chain().Name}, Epoch: epoch, Log: n.Log, Token: func(name string) ([]byte, error) {
		if name == observerName {
			return s.token, nil
		}
		return datadir.Token(n.Home, name)
	}})
	if err != nil {
		return nil, err
	}
	s.Server = overseer.NewServer(core, &quarantine.Store{Dir: QuarantineDir(n.Home)})
	return s, nil
}

// QuarantineDir is where a node's overseer keeps the messages that ended two instances.
func QuarantineDir(h datadir.Node) string { return filepath.Join(h.Data("overseer"), "quarantine") }

// gateway connects the gateway with what this process knows.
func (n *Node) gateway(s *server, own *prometheus.Registry) gateway.Config {
	times := &since{known: map[string]gateway.Check{}}
	return gateway.Config{
		Hosts: n.Config.HTTP.Hosts,
		Chain: func(name string) (string, bool) {
			c, ok := n.Genesis.Chain(name)
			return n.ChainSocket(c.Name), ok
		},
		Alive: func(context.Context) error { s.Status(); return nil },
		Checks: func(ctx context.Context) []gateway.Check {
			p, err := s.observer.look(ctx)
			if err != nil {
				return times.stamp(time.Now(), []gateway.Check{{Name: "overseer", Cause: err.Error()}})
			}
			return times.stamp(time.Now(), checks(p))
		},
		Info: func(ctx context.Context) (*gateway.Info, error) {
			p, err := s.observer.look(ctx)
			if err != nil {
				return nil, err
			}
			return n.info(p, s.Status()), nil
		},
		Bus: func() []gateway.Mailbox { return mailboxes(s.Status()) },
		Peers: func(ctx context.Context) ([]gateway.Peer, error) {
			r, err := ask[*nbv1.PeersResponse](ctx, s.observer, &nbv1.Peers{})
			return peersOf(r), err
		},
		Block: func(ctx context.Context, chain, at string) (*gateway.Block, error) {
			return n.block(ctx, s.observer, chain, at)
		},
		Metrics: n.sources(own),
	}
}

// doors are the listeners of the overseer's process.
type doors struct{ bus, monitor, http, metrics net.Listener }

// open opens all doors, or none.
func (n *Node) open() (d *doors, err error) {
	d = &doors{}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.http, err = listen("tcp", n.Config.HTTP.Listen); err != nil {
		return nil, err
	}
	if d.metrics, err = listen("tcp", n.Config.Metrics.Listen); err != nil {
		return nil, err
	}
	if d.monitor, err = listen("unix", n.Home.Socket(datadir.MonitorSocket)); err != nil {
		return nil, err
	}
	d.bus, err = listen("unix", n.Home.Socket(BusSocket))
	return d, err
}

func listen(network, address string) (net.Listener, error) {
	if network == "unix" { // left by a process that was killed; the supervisor's lock makes sure that no other one lives
		if err := os.Remove(address); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, errcode.CannotListen(address, err)
	}
	return l, nil
}

func (d *doors) close() {
	for _, l := range []net.Listener{d.bus, d.monitor, d.http, d.metrics} {
		if l != nil {
			l.Close()
		}
	}
}
