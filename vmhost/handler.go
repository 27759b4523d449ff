package vmhost

import (
	"context"
	"errors"

	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database"
)

// handler passes what comes to its parts, and tells them how the plugin fares. All of them belong to the loop; what
// runs elsewhere gets copies.
type handler struct {
	sub  *subsystem.Sub
	cfg  Config
	db   database.Database
	disk database.Health
	http *httpServer // nil: none
	// socket is why the HTTP socket can't be made again; empty: it is there.
	socket string

	life    *life // nil, like all below, while the disk has failed since the beginning
	queue   *queue
	blocks  *blocks
	stages  *stages
	apps    *apps
	notices *notices
	reads   *reads
	keeping *keeping
	admin   *admin
	health  *health
}

// answerer answers some of the variants. false: the message is none of them.
type answerer interface {
	handle(m *subsystem.Message) bool
}

// newHandler opens the chain and begins to start the plugin; how that goes is in the status from the beginning. An error
// of the first start that another try can't mend ends the process with its sentence; any other counts as a crash, and a
// disk that fails is waited for.
func newHandler(sub *subsystem.Sub, cfg Config) (subsystem.Handler, error) {
	cfg.Limits = cfg.Limits.withDefaults()
	db, err := cfg.OpenDB()
	if err != nil {
		return nil, err
	}
	h := &handler{sub: sub, cfg: cfg, db: db}
	if err := h.open(); err != nil {
		db.Close()
		return nil, err
	}
	h.watch()
	h.tick()
	return h, nil
}

func (h *handler) open() error {
	store, err := chainstore.Open(context.Background(), h.db, h.cfg.ChainID)
	if faulty(err) && watched(h.db) {
		h.disk.Fault = err
		return nil
	}
	if err != nil {
		return h.readable(err)
	}
	return h.begin(store)
}

// begin is what follows when it is known where the chain stands.
func (h *handler) begin(store *chainstore.Record) (err error) {
	if h.cfg.HTTPSocket != "" {
		if h.http, err = listenHTTP(h.cfg.HTTPSocket, h.cfg.Chain, h.sub.Log, h.cfg.Tracing); err != nil {
			return err
		}
	}
	h.assemble(store)
	h.life.start()
	return nil
}

// assemble makes the parts.
func (h *handler) assemble(store *chainstore.Record) {
	sub, limits := h.sub, h.cfg.Limits
	h.life = &life{sub: sub, chain: h.cfg.Chain, limits: limits, know: h.know, events: h}
	h.life.history.Policy, h.life.blamed.Policy = limits.restarts(), limits.blamed()
	h.queue = &queue{sub: sub, life: h.life, limits: limits, suspects: suspects{chain: h.cfg.Chain}}
	h.notices = &notices{sub: sub, life: h.life}
	told := &durable{sub: sub, life: h.life, store: store}
	h.blocks = &blocks{
		sub: sub, queue: h.queue, store: store, notices: h.notices, durable: told,
		processing: make(map[primitives.Hash]*undecided),
	}
	h.stages = &stages{queue: h.queue, life: h.life, store: store, notices: h.notices, durable: told}
	h.apps = newApps(sub, h.life)
	h.reads = &reads{
		sub: sub, life: h.life, store: store, blocks: h.blocks, lane: lane{limit: 2, bound: limits.AppQueue},
	}
	h.keeping = newKeeping(sub, store)
	h.admin = &admin{sub: sub, life: h.life, level: h.cfg.LogLevel}
	h.health = &health{sub: sub, life: h.life}
	s := &starter{
		cfg: h.cfg, sub: sub, store: store, exited: h.life.exited, readable: h.readable,
		services: func(g *generation) *services { return h.services(store, g) },
	}
	h.life.launch = s.launch
}

// services are what the host offers to one plugin. They run beside the handler and come back through its loop.
func (h *handler) services(store *chainstore.Record, g *generation) *services {
	return &services{
		store: store, outcomes: g.outcomes, gossip: rate.NewLimiter(gossipPerS, gossipAtOnce), number: func() uint32 { return h.apps.number.Add(1) }, now: h.sub.Now,
		send: func(ctx context.Context, msg proto.Message) { h.post(ctx, func() { h.sub.Send(msg) }) },
		ask:  func(ctx context.Context, r *enginev1.SendAppRequest) { h.post(ctx, func() { h.apps.ask(g, r) }) },
		notify: func(ctx context.Context, e pluginv1.Event) {
			h.post(ctx, func() { h.notices.add(g, e) })
		},
	}
}

// post calls f on the loop, in the trace that ctx is in.
func (h *handler) post(ctx context.Context, f func()) {
	traceparent := intercept.Current(ctx)
	h.sub.Post(func() { h.sub.Continue(traceparent, f) })
}

// readable says what to do about a database that isn't this chain's, or isn't whole.
func (h *handler) readable(err error) error {
	var mismatch *chainstore.MismatchError
	var damage *chainstore.DamageError
	switch {
	case errors.As(err, &damage):
		return errcode.New(errcode.DataDamaged, "Restore its directory below data/vm, or stop the node, remove that "+
			"directory and start it: it fetches the blocks from the others again.", err,
			"the data of chain %s can't be used", h.cfg.Chain)
	case !errors.As(err, &mismatch):
		return err
	case mismatch.Version:
		return errcode.New(errcode.DataVersion,
			"Use the version of reeve that wrote it, or begin with an empty data directory.", err,
			"the chain's data can't be read")
	}
	return errcode.New(errcode.GenesisMismatch,
		"Use the genesis that the data was made with, or begin with an empty data directory.", err,
		"the chain's data can't be used")
}

// Signal ends the work with the node. Leaves and finality mean nothing here: the engine says what is decided.
func (h *handler) Signal(sig *overseerv1.Signal) {
	if _, ok := sig.GetKind().(*overseerv1.Signal_Conclude); ok && h.life != nil {
		h.life.stopping = true
		h.apps.stop()
	}
}

// Handle answers what the bus brings.
func (h *handler) Handle(m *subsystem.Message) {
	if h.life == nil {
		m.Fail(subsystem.Failf(subsystem.Unavailable, "%s", h.disk.Text()))
		return
	}
	for _, p := range [...]answerer{h.blocks, h.reads, h.keeping, h.apps, h.stages, h.admin, h.health} {
		if p.handle(m) {
			return
		}
	}
	m.Unknown()
}

// tick is what happens every second: calls that have waited too long fail, the plugin is pinged, and the VM is
// asked how it is.
func (h *handler) tick() {
	if h.life != nil && h.life.stopping {
		return
	}
	if h.life != nil {
		h.queue.expire()
		h.life.ping()
		h.health.tick()
	}
	if h.http != nil {
		h.socket = h.http.keep()
	}
	h.sub.After(h.cfg.Limits.Heartbeat, h.tick)
}

// Close ends the plugin in good order, then the database.
func (h *handler) Close() {
	if h.http != nil {
		h.http.close()
	}
	if h.life != nil {
		h.life.close()
	}
	if err := h.db.Close(); err != nil {
		h.sub.Log.Error("the chain's database wasn't closed cleanly", "err", err)
	}
}

// know copies what a plugin must be told.
func (h *handler) know() knowledge {
	return knowledge{state: h.stages.state, peers: h.apps.known(), processing: h.blocks.known(),
		logLevel: h.admin.level}
}

func (h *handler) stateChanged() {
	if h.http != nil {
		h.http.explain(h.life.cause)
	}
}

// up: what the plugin's predecessor didn't live to do goes on.
func (h *handler) up(g *generation) {
	for _, id := range g.lost {
		h.blocks.lose(id, "the VM refuses it")
	}
	if h.http != nil {
		h.http.serve(g.handlers, g.vm)
	}
	h.admin.up(g)
	h.apps.up(g)
	h.queue.pump()
}

func (h *handler) down(degraded bool) {
	h.notices.forget()
	if h.http != nil {
		h.http.down()
	}
	if degraded {
		h.queue.clear()
	}
}

// ended has the next plugin start without the block that this one ended on.
func (h *handler) ended(e *replayError) {
	h.blocks.lose(e.id, e.Error())
	h.queue.suspects.blame(h.sub.Now(), e.took, [][]byte{e.content}, e.Error())
}

// exited lets go of what hangs on a plugin.
func (h *handler) exited(g *generation) {
	g.db.Close()
	h.apps.release(g)
}

// mended has the VM shown what others died on.
func (h *handler) mended() {
	h.queue.suspects.reset()
	h.blocks.names = names{}
}
