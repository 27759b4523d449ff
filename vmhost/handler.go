package vmhost

import (
	"context"
	"errors"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database"
)

// handler is the subsystem's state. All of it belongs to the loop; what runs elsewhere gets copies.
type handler struct {
	sub    *subsystem.Sub
	cfg    Config
	db     database.Database
	record *chainstore.Record
	fresh  bool // the record was empty when it was opened, and the engine hasn't been told
	http   *httpProxy

	// gen is the plugin that answers; nil while there is none.
	gen        *generation
	supervisor supervisor
	blocks     queue
	apps       lane
	reads      lane
	events     notices

	// What a new plugin must be told, because the one before knew it.
	state      vmv1.ChainState
	peers      map[primitives.NodeID]string
	processing map[primitives.Hash]*undecided
	preferred  primitives.Hash
	logLevel   int32
	// verifications counts them, for the order in which they are repeated.
	verifications uint64
	contents      contents
	poison        poison

	// wire is the last number given to an app request; it goes on over generations.
	wire counter
}

// undecided is a block that the VM has verified and that is neither accepted nor rejected.
type undecided struct {
	block   *vmv1.Block
	content []byte
	context *vmv1.BuildContext
	order   uint64
	since   time.Time
}

// newHandler opens the chain and starts the plugin for the first time. An error that another try can't mend ends the process with
// its sentence; any other counts as the first crash.
func newHandler(sub *subsystem.Sub, cfg Config) (subsystem.Handler, error) {
	cfg.Limits = cfg.Limits.withDefaults()
	db, err := cfg.OpenDB()
	if err != nil {
		return nil, err
	}
	h := &handler{
		sub: sub, cfg: cfg, db: db,
		peers:      make(map[primitives.NodeID]string),
		processing: make(map[primitives.Hash]*undecided),
		logLevel:   cfg.LogLevel,
		apps:       lane{limit: 3, bound: cfg.Limits.AppQueue},
		reads:      lane{limit: 2, bound: cfg.Limits.AppQueue},
	}
	h.wire.n.Store(sub.Rand().Uint32())
	if err := h.open(); err != nil {
		db.Close()
		return nil, err
	}
	h.tick()
	return h, nil
}

func (h *handler) open() error {
	var err error
	if h.record, err = chainstore.Open(context.Background(), h.db, h.cfg.ChainID); err != nil {
		return readable(err)
	}
	h.fresh = h.record.Last() == nil
	if h.cfg.HTTPSocket != "" {
		if h.http, err = listenHTTP(h.cfg.HTTPSocket, h.cfg.Chain, h.sub.Log); err != nil {
			return err
		}
	}
	return h.startFirst()
}

// readable says what to do about a database that isn't this chain's.
func readable(err error) error {
	var mismatch *chainstore.MismatchError
	switch {
	case !errors.As(err, &mismatch):
		return err
	case mismatch.Version:
		return errcode.New(errcode.DataVersion, "Use the version of reeve that wrote it, or begin with an empty data directory.", err, "the chain's data can't be read")
	}
	return errcode.New(errcode.GenesisMismatch, "Use the genesis that the data was made with, or begin with an empty data directory.", err, "the chain's data can't be used")
}

// Signal ends the work with the node. Leaves and finality mean nothing here: the engine says what is decided.
func (h *handler) Signal(sig *overseerv1.Signal) {
	if _, ok := sig.GetKind().(*overseerv1.Signal_Conclude); ok {
		h.supervisor.stopping = true
	}
}

// Handle answers what the bus brings.
func (h *handler) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *vmv1.SetState:
		h.onSetState(m, body)
	case *vmv1.BuildBlock:
		h.onBuildBlock(m, body)
	case *vmv1.ParseBlock:
		h.onParseBlock(m, body)
	case *vmv1.BatchedParseBlock:
		h.onBatchedParseBlock(m, body)
	case *vmv1.VerifyBlock:
		h.onVerifyBlock(m, body)
	case *vmv1.AcceptBlock:
		h.onAcceptBlock(m, body)
	case *vmv1.RejectBlock:
		h.onRejectBlock(m, body)
	case *vmv1.SetPreference:
		h.onSetPreference(m, body)
	case *vmv1.LastAccepted:
		h.onLastAccepted(m)
	case *vmv1.GetBlock:
		h.onGetBlock(m, body)
	case *vmv1.GetConsensusBlock:
		h.onGetConsensusBlock(m, body)
	case *vmv1.GetBlockIDAtHeight:
		h.onGetBlockIDAtHeight(m, body)
	case *vmv1.GetAncestors:
		h.onGetAncestors(m, body)
	case *vmv1.AppRequest:
		h.onAppRequest(body)
	case *vmv1.AppResponse:
		h.onAppResponse(body)
	case *vmv1.AppRequestFailed:
		h.onAppRequestFailed(body)
	case *vmv1.AppGossip:
		h.onAppGossip(body)
	case *vmv1.Connected:
		h.onConnected(body)
	case *vmv1.Disconnected:
		h.onDisconnected(body)
	case *vmv1.HealthCheck:
		h.onHealthCheck(m)
	case *vmv1.Version:
		h.onVersion(m)
	case *vmv1.QueryStatus:
		h.onQueryStatus(m)
	case *vmv1.SetLogLevel:
		h.onSetLogLevel(m, body)
	case *vmv1.RestartPlugin:
		h.onRestartPlugin(m, body)
	case *vmv1.StateSyncEnabled:
		h.onStateSyncEnabled(m)
	case *vmv1.GetOngoingSyncStateSummary:
		h.onGetOngoingSyncStateSummary(m)
	case *vmv1.GetLastStateSummary:
		h.onGetLastStateSummary(m)
	case *vmv1.ParseStateSummary:
		h.onParseStateSummary(m, body)
	case *vmv1.GetStateSummary:
		h.onGetStateSummary(m, body)
	case *vmv1.AcceptStateSummary:
		h.onAcceptStateSummary(m, body)
	case *vmv1.QueryRuntime:
		h.onQueryRuntime(m, body)
	case *vmv1.CheckInherent:
		h.onCheckInherent(m, body)
	default:
		m.Unknown()
	}
}

// tick is what happens every second: calls that have waited too long fail, and the plugin is pinged.
func (h *handler) tick() {
	if h.supervisor.stopping {
		return
	}
	h.blocks.expire(h.sub.Now(), h.unavailable())
	h.ping()
	h.sub.After(h.cfg.Limits.Heartbeat, h.tick)
}

// Close ends the plugin in good order, then the database.
func (h *handler) Close() {
	h.supervisor.stopping = true
	h.supervisor.state = vmv1.PluginState_PLUGIN_STATE_STOPPED
	if h.http != nil {
		h.http.close()
	}
	if g := h.gen; g != nil {
		h.gen = nil
		g.stop(h.cfg.Limits.Stop)
	}
	if err := h.db.Close(); err != nil {
		h.sub.Log.Error("the chain's database wasn't closed cleanly", "error", err)
	}
}

// lastAccepted is the newest entry's VM block.
func (h *handler) lastAccepted() primitives.Hash {
	if last := h.record.Last(); last != nil {
		return last.VMBlock
	}
	return primitives.Hash{}
}
