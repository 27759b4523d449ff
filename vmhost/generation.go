package vmhost

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/remote"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// generation is one life of the plugin.
type generation struct {
	clients
	number   uint64
	plugin   launch.Plugin
	outcomes *outcomes
	db       *remote.Service
	about    *pluginv1.DescribeResponse
	handlers *pluginv1.CreateHandlersResponse

	// shown are the blocks whose bytes this plugin has; told is the preference it knows. On the loop only.
	shown map[primitives.Hash]struct{}
	told  primitives.Hash
	// lost are blocks that it refused, although its predecessor had verified them.
	lost []primitives.Hash
	// met are the peers that it was told of when it was started.
	met      map[primitives.NodeID]struct{}
	logLevel int32
	// misses are pings in a row that it hasn't answered.
	misses  int
	pinging bool
	// dead is set when the port has said so.
	dead bool
}

// knowledge is what a plugin must be told besides its chain: a copy, for use off the loop.
type knowledge struct {
	state      pluginv1.ChainState
	peers      []peer
	processing []*undecided
	logLevel   int32
}

type peer struct {
	node    primitives.NodeID
	version string
}

// stop ends the plugin in good order.
func (g *generation) stop(limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, _ = g.vm.Shutdown(ctx, &pluginv1.ShutdownRequest{}) // it is ended in any case
	g.plugin.Stop(limit)
	g.outcomes.close()
	g.db.Close()
}

// launch starts a plugin and brings it to where its predecessor was. It runs off the loop and takes as long as it takes.
func (h *handler) launch(number uint64, know knowledge) (*generation, error) {
	g := &generation{number: number, outcomes: newOutcomes(), db: remote.NewService(h.record.State()), shown: make(map[primitives.Hash]struct{}), met: make(map[primitives.NodeID]struct{})}
	services := &services{
		record: h.record, outcomes: g.outcomes, number: func() uint32 { return h.apps.number.Add(1) }, now: h.sub.Now,
		send:   func(msg proto.Message) { h.sub.Post(func() { h.sub.Send(msg) }) },
		ask:    func(r *enginev1.SendAppRequest) { h.sub.Post(func() { h.apps.ask(g, r) }) },
		notify: func(e pluginv1.Event) { h.sub.Post(func() { h.notified(g, e) }) },
	}
	plugin, err := h.cfg.Launcher.Launch(launch.Request{
		Generation: number,
		Services: func(r grpc.ServiceRegistrar) {
			pluginv1.RegisterDatabaseServiceServer(r, g.db)
			services.register(r)
		},
		OnExit: func(cause error) { h.sub.Post(func() { h.exited(g, cause) }) },
		Log:    h.sub.Log,
		Now:    h.sub.Now,
		After:  h.after,
	})
	if err != nil {
		return nil, err
	}
	g.plugin, g.clients, g.logLevel = plugin, clientsOf(plugin.Conn()), know.logLevel
	ctx, cancel := context.WithTimeout(context.Background(), h.cfg.Limits.Start)
	defer cancel()
	if err := h.bringUp(ctx, g, know); err != nil {
		if status.Code(err) == codes.DeadlineExceeded {
			plugin.Dump()
		}
		plugin.Kill()
		return nil, err
	}
	return g, nil
}

// after is the host's timer for code that may be on any goroutine.
func (h *handler) after(d time.Duration, f func()) (cancel func()) {
	stop := func() {}
	h.sub.Post(func() { stop = h.sub.After(d, f) })
	return func() { h.sub.Post(func() { stop() }) }
}

// bringUp initializes a plugin and tells it what its predecessor knew.
func (h *handler) bringUp(ctx context.Context, g *generation, know knowledge) error {
	about, err := g.vm.Describe(ctx, &pluginv1.DescribeRequest{})
	if err != nil {
		return fmt.Errorf("the plugin doesn't say what it is: %w", err)
	}
	if err := checkExtensions(about); err != nil {
		return err
	}
	g.about = about
	if err := h.initialize(ctx, g, know.logLevel); err != nil {
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
	if err := replay(ctx, g, know); err != nil {
		return err
	}
	if h.http != nil {
		if g.handlers, err = g.vm.CreateHandlers(ctx, &pluginv1.CreateHandlersRequest{}); err != nil {
			return fmt.Errorf("the plugin's HTTP handlers: %w", err)
		}
	}
	return nil
}

// replay tells a plugin of peers and undecided blocks.
func replay(ctx context.Context, g *generation, know knowledge) error {
	for _, p := range know.peers {
		if _, err := g.vm.Connected(ctx, &pluginv1.ConnectedRequest{NodeId: p.node[:], Version: p.version}); err != nil {
			return fmt.Errorf("the plugin wasn't told of its peers: %w", err)
		}
		g.met[p.node] = struct{}{}
	}
	for _, u := range know.processing {
		answer, err := g.vm.VerifyBlock(ctx, &pluginv1.VerifyBlockRequest{BlockId: u.block.GetId(), Content: u.content, Context: u.context})
		if err != nil {
			return fmt.Errorf("the plugin wasn't told of an undecided block: %w", err)
		}
		id, _ := primitives.HashFrom(u.block.GetId())
		if answer.GetError() != nil {
			g.lost = append(g.lost, id)
			continue
		}
		g.shown[id] = struct{}{}
	}
	return nil
}

func checkExtensions(about *pluginv1.DescribeResponse) error {
	offered := make(map[string]bool)
	for _, e := range extensions() {
		offered[e.GetId()] = true
	}
	for _, id := range about.GetRequiredExtensions() {
		if !offered[id] {
			return fmt.Errorf("%w: %s needs the feature extension %q, which this node doesn't offer", launch.ErrPermanent, about.GetName(), id)
		}
	}
	return nil
}

// initialize gives the plugin its chain. At the first start ever the genesis block is committed with what it writes.
func (h *handler) initialize(ctx context.Context, g *generation, logLevel int32) error {
	address, token, runDir := g.plugin.Host()
	r := &pluginv1.InitializeRequest{
		NetworkId: h.cfg.NetworkID, Chain: h.cfg.Chain, ChainId: h.cfg.ChainID[:], NodeId: h.cfg.NodeID[:],
		Genesis: h.cfg.Genesis, Upgrade: h.cfg.Upgrade, Config: h.cfg.Settings, Extensions: extensions(),
		HostAddress: address, HostToken: token, RunDir: runDir, LogLevel: logLevel, HostCapabilities: launch.Capabilities(g.plugin),
	}
	if err := h.record.Sync(ctx); err != nil { // what the last plugin was cut off at
		return fmt.Errorf("the record can't be made durable: %w", err)
	}
	last := h.record.Last()
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
		return h.commitGenesis(ctx, id, answer)
	}
	if id != last.VMBlock || answer.GetLastAccepted().GetHeight() != last.Height {
		return fmt.Errorf("the VM stands at block %v, the record ends with %v of height %d", id.Short(), last.VMBlock.Short(), last.Height)
	}
	return nil
}

func (h *handler) commitGenesis(ctx context.Context, id primitives.Hash, answer *pluginv1.InitializeResponse) error {
	if height := answer.GetLastAccepted().GetHeight(); height != 0 {
		return fmt.Errorf("the VM begins a new chain at height %d", height)
	}
	e := &chainstore.Entry{BlockID: id, VMBlock: id, Content: answer.GetLastAccepted().GetContent()}
	return h.record.Commit(ctx, e, remote.BatchOf(answer.GetWrites()), database.Sync)
}
