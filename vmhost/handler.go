package vmhost

import (
	"context"
	"errors"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
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
	apps       *apps
	reads      lane
	events     notices

	// What a new plugin must be told, because the one before knew it.
	state      pluginv1.ChainState
	processing map[primitives.Hash]*undecided
	preferred  primitives.Hash
	logLevel   int32
	// verifications counts them, for the order in which they are repeated.
	verifications uint64
	contents      contents
	poison        poison
}

// undecided is a block that the VM has verified and that is neither accepted nor rejected.
type undecided struct {
	block   *pluginv1.Block
	content []byte
	context *pluginv1.BuildContext
	order   uint64
	since   time.Time
}

// newHandler opens the chain and starts the plugin for the first time. An error that another try can't mend ends the
// process with its sentence; any other counts as the first crash.
func newHandler(sub *subsystem.Sub, cfg Config) (subsystem.Handler, error) {
	cfg.Limits = cfg.Limits.withDefaults()
	db, err := cfg.OpenDB()
	if err != nil {
		return nil, err
	}
	h := &handler{
		sub: sub, cfg: cfg, db: db,
		processing: make(map[primitives.Hash]*undecided),
		logLevel:   cfg.LogLevel,
		reads:      lane{limit: 2, bound: cfg.Limits.AppQueue},
	}
	h.supervisor.history.Policy = cfg.Limits.restarts()
	h.apps = newApps(sub, cfg.Limits, func() *generation { return h.gen }, h.replace)
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
		h.apps.stop()
	}
}

// Handle answers what the bus brings.
func (h *handler) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *pluginv1.SetStateRequest:
		h.onSetState(m, body)
	case *pluginv1.BuildBlockRequest:
		h.onBuildBlock(m, body)
	case *pluginv1.ParseBlockRequest:
		h.onParseBlock(m, body)
	case *pluginv1.VerifyBlockRequest:
		h.onVerifyBlock(m, body)
	case *vmv1.AcceptBlock:
		h.onAcceptBlock(m, body)
	case *pluginv1.RejectBlockRequest:
		h.onRejectBlock(m, body)
	case *pluginv1.SetPreferenceRequest:
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
	default:
		h.handleOptional(m)
	}
}

// handleOptional answers what only a VM with a capability can.
func (h *handler) handleOptional(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *pluginv1.StateSyncEnabledRequest:
		h.onStateSyncEnabled(m, body)
	case *pluginv1.GetOngoingSyncStateSummaryRequest:
		askSync(h, m, body, pluginv1.StateSyncServiceClient.GetOngoingSyncStateSummary)
	case *pluginv1.GetLastStateSummaryRequest:
		askSync(h, m, body, pluginv1.StateSyncServiceClient.GetLastStateSummary)
	case *pluginv1.ParseStateSummaryRequest:
		askSync(h, m, body, pluginv1.StateSyncServiceClient.ParseStateSummary)
	case *pluginv1.GetStateSummaryRequest:
		askSync(h, m, body, pluginv1.StateSyncServiceClient.GetStateSummary)
	case *pluginv1.AcceptStateSummaryRequest:
		askSync(h, m, body, pluginv1.StateSyncServiceClient.AcceptStateSummary)
	case *pluginv1.QueryRuntimeRequest:
		askRuntime(h, m, body, pluginv1.ParachainRuntimeServiceClient.QueryRuntime)
	case *pluginv1.CheckInherentRequest:
		askRuntime(h, m, body, pluginv1.ParachainRuntimeServiceClient.CheckInherent)
	default:
		h.handlePeer(m)
	}
}

// handlePeer takes what peers and operators have to say.
func (h *handler) handlePeer(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *pluginv1.AppRequestRequest:
		h.apps.onAppRequest(body)
	case *pluginv1.AppResponseRequest:
		h.apps.onAppResponse(body)
	case *pluginv1.AppRequestFailedRequest:
		h.apps.onAppRequestFailed(body)
	case *pluginv1.AppGossipRequest:
		h.apps.onAppGossip(body)
	case *pluginv1.ConnectedRequest:
		h.apps.onConnected(body)
	case *pluginv1.DisconnectedRequest:
		h.apps.onDisconnected(body)
	case *pluginv1.HealthCheckRequest:
		h.onHealthCheck(m, body)
	case *vmv1.Version:
		h.onVersion(m)
	case *vmv1.QueryStatus:
		h.onQueryStatus(m)
	case *pluginv1.SetLogLevelRequest:
		h.onSetLogLevel(m, body)
	case *vmv1.RestartPlugin:
		h.onRestartPlugin(m, body)
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
