package vmhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/remote"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// starter launches plugins, off the loop: what it has doesn't change.
type starter struct {
	cfg   Config
	sub   *subsystem.Sub
	store *chainstore.Record
	// services are the host's for one generation.
	services func(g *generation) *services
	// exited is called on the loop when a plugin has ended.
	exited func(g *generation, cause error)
	// readable is what a person is told of a record that can't be used.
	readable func(error) error
}

// launch starts a plugin and brings it to where its predecessor was.
func (s *starter) launch(number uint64, know knowledge) (*generation, error) {
	if err := s.reload(); err != nil {
		return nil, err
	}
	g := &generation{
		number: number, outcomes: newOutcomes(), db: remote.NewService(s.store.State()), logLevel: know.logLevel,
		shown: make(map[primitives.Hash]struct{}), met: make(map[primitives.NodeID]struct{}),
	}
	services := s.services(g)
	plugin, err := s.cfg.Launcher.Launch(launch.Request{
		Services: func(r grpc.ServiceRegistrar) {
			pluginv1.RegisterDatabaseServiceServer(r, g.db)
			services.register(r)
		},
		OnExit: func(cause error) { s.sub.Post(func() { s.exited(g, cause) }) },
		Log:    s.sub.Log,
		Around: intercept.Chain{Log: s.sub.Log, Count: s.cfg.Count, Tracing: s.cfg.Tracing},
		Now:    s.sub.Now,
		After:  s.after,
	})
	if err != nil {
		return nil, err
	}
	g.plugin, g.clients = plugin, clientsOf(plugin.Conn())
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Limits.Start)
	defer cancel()
	if err := s.bringUp(ctx, g, know); err != nil {
		if status.Code(err) == codes.DeadlineExceeded {
			plugin.Dump()
			err = fmt.Errorf("%w; a start may take %v, which is the setting vm.start-timeout", err, s.cfg.Limits.Start)
		}
		plugin.Kill()
		return nil, err
	}
	return g, nil
}

// reload: the predecessor may have ended because the disk had failed in the midst of a commit.
func (s *starter) reload() error {
	err := s.store.Reload(context.Background())
	if _, ok := errors.AsType[*chainstore.DamageError](err); ok {
		err = s.readable(err)
		s.sub.Post(func() { s.sub.Fatal(err) })
	}
	return err
}

// after is the host's timer for code that may be on any goroutine.
func (s *starter) after(d time.Duration, f func()) (cancel func()) {
	stop := func() {}
	s.sub.Post(func() { stop = s.sub.After(d, f) })
	return func() { s.sub.Post(func() { stop() }) }
}

// bringUp initializes a plugin and tells it what its predecessor knew.
func (s *starter) bringUp(ctx context.Context, g *generation, know knowledge) error {
	about, err := g.vm.Describe(ctx, &pluginv1.DescribeRequest{})
	if err != nil {
		return fmt.Errorf("the plugin doesn't say what it is: %w", err)
	}
	if err := checkExtensions(about); err != nil {
		return err
	}
	g.about = about
	if err := s.initialize(ctx, g, know.logLevel); err != nil {
		return err
	}
	if know.state != pluginv1.ChainState_CHAIN_STATE_UNSPECIFIED {
		answer, err := g.vm.SetState(ctx, &pluginv1.SetStateRequest{State: know.state})
		if err == nil {
			err = vmsdk.ErrorFromProto(answer.GetError())
		}
		if err != nil {
			return fmt.Errorf("the plugin can't go to its state: %w", err)
		}
	}
	if err := s.replay(ctx, g, know); err != nil {
		return err
	}
	if s.cfg.HTTPSocket != "" {
		if g.handlers, err = g.vm.CreateHandlers(ctx, &pluginv1.CreateHandlersRequest{}); err != nil {
			return fmt.Errorf("the plugin's HTTP handlers: %w", err)
		}
	}
	return nil
}

// replay tells a plugin of peers and undecided blocks.
func (s *starter) replay(ctx context.Context, g *generation, know knowledge) error {
	for _, p := range know.peers {
		if _, err := g.vm.Connected(ctx,
			&pluginv1.ConnectedRequest{NodeId: p.node[:], Version: p.version}); err != nil {
			return fmt.Errorf("the plugin wasn't told of its peers: %w", err)
		}
		g.met[p.node] = struct{}{}
	}
	for _, u := range know.processing {
		if err := s.again(ctx, g, u); err != nil {
			return err
		}
	}
	return nil
}

// again has a plugin verify a block that its predecessor had verified.
func (s *starter) again(ctx context.Context, g *generation, u *undecided) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Limits.BlockCall)
	defer cancel()
	id, _ := primitives.HashFrom(u.block.GetId())
	began := s.sub.Now()
	answer, err := g.vm.VerifyBlock(ctx,
		&pluginv1.VerifyBlockRequest{BlockId: id[:], Content: u.content, Context: u.context})
	switch {
	case err != nil:
		return &replayError{id: id, content: u.content, took: s.sub.Now().Sub(began), cause: err}
	case answer.GetError() != nil, !bytes.Equal(answer.GetBlock().GetId(), id[:]):
		g.lost = append(g.lost, id)
	default:
		g.shown[id] = struct{}{}
	}
	return nil
}

// replayError says that a plugin ended, or hung, when it was told of an undecided block that its predecessor had
// verified.
type replayError struct {
	id      primitives.Hash
	content []byte
	took    time.Duration
	cause   error
}

func (e *replayError) Error() string {
	return fmt.Sprintf("the plugin couldn't be told of the undecided block %v: %v", e.id.Short(), e.cause)
}

func (e *replayError) Unwrap() error { return e.cause }

func checkExtensions(about *pluginv1.DescribeResponse) error {
	offered := make(map[string]bool)
	for _, e := range extensions() {
		offered[e.GetId()] = true
	}
	for _, id := range about.GetRequiredExtensions() {
		if !offered[id] {
			return fmt.Errorf("%w: %s needs the feature extension %q, which this node doesn't offer",
				launch.ErrPermanent, about.GetName(), id)
		}
	}
	return nil
}

// initialize gives the plugin its chain. At the first start ever the genesis block is committed with what it writes.
func (s *starter) initialize(ctx context.Context, g *generation, logLevel int32) error {
	var genesis []byte
	if s.cfg.Genesis != nil {
		var err error
		if genesis, err = s.cfg.Genesis(); err != nil {
			return err
		}
	}
	address, token, runDir := g.plugin.Host()
	r := &pluginv1.InitializeRequest{
		NetworkId: s.cfg.NetworkID, Chain: s.cfg.Chain, ChainId: s.cfg.ChainID[:], NodeId: s.cfg.NodeID[:],
		Genesis: genesis, Upgrade: s.cfg.Upgrade, Config: s.cfg.Settings, Extensions: extensions(),
		HostAddress: address, HostToken: token, RunDir: runDir, LogLevel: logLevel,
		HostCapabilities: launch.Capabilities(g.plugin),
	}
	if err := s.store.Sync(ctx); err != nil { // what the last plugin was cut off at
		return fmt.Errorf("the record can't be made durable: %w", err)
	}
	last := s.store.Last()
	if last != nil {
		r.LastAccepted = &pluginv1.Block{Id: last.VMBlock[:], Height: last.Height, Content: last.Content}
	}
	answer, err := g.vm.Initialize(ctx, r)
	if err != nil {
		return fmt.Errorf("the VM can't be initialized: %w", err)
	}
	if err := vmsdk.ErrorFromProto(answer.GetError()); err != nil {
		return fmt.Errorf("the VM refuses to begin: %w", err)
	}
	id, err := primitives.HashFrom(answer.GetLastAccepted().GetId())
	if err != nil {
		return fmt.Errorf("the VM's last accepted block: %w", err)
	}
	if last == nil {
		return s.commitGenesis(ctx, id, answer)
	}
	if id != last.VMBlock || answer.GetLastAccepted().GetHeight() != last.Height {
		return fmt.Errorf("the VM stands at block %v, the record ends with %v of height %d", id.Short(),
			last.VMBlock.Short(), last.Height)
	}
	return nil
}

func (s *starter) commitGenesis(ctx context.Context, id primitives.Hash, answer *pluginv1.InitializeResponse) error {
	if height := answer.GetLastAccepted().GetHeight(); height != 0 {
		return fmt.Errorf("the VM begins a new chain at height %d", height)
	}
	e := &chainstore.Entry{BlockID: id, VMBlock: id, Content: answer.GetLastAccepted().GetContent()}
	return s.store.Commit(ctx, e, remote.BatchOf(answer.GetWrites()), database.Sync)
}
