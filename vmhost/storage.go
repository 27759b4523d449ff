package vmhost

import (
	"context"

	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database"
)

func watched(db database.Database) bool {
	_, ok := db.(database.Watched)
	return ok
}

// watch has the handler told how the disk under the database is, if that can be told.
func (h *handler) watch() {
	if db, ok := h.db.(database.Watched); ok {
		db.Watch(func(now database.Health) { h.sub.Post(func() { h.onDisk(now) }) })
	}
}

// onDisk: while the disk fails no plugin runs, which would be asked to judge what it can't read, and take from users
// what nobody can keep. When the disk is well again everything goes on.
func (h *handler) onDisk(now database.Health) {
	h.disk = now
	switch {
	case now.Lost:
		h.sub.Fatal(now.Fault)
	case now.Fault != nil && h.life != nil:
		h.life.suspend(now.Fault.Error())
	case now.Fault != nil:
	case h.life != nil:
		h.life.resume()
	default:
		h.openAgain()
	}
}

// openAgain opens the chain on a disk that has failed since the beginning.
func (h *handler) openAgain() {
	subsystem.Offload(h.sub, func() (*chainstore.Record, error) {
		return chainstore.Open(context.Background(), h.db, h.cfg.ChainID)
	}, func(store *chainstore.Record, err error) {
		switch {
		case h.life != nil || faulty(err): // what comes next is told
			return
		case err == nil:
			err = h.begin(store)
		default:
			err = h.readable(err)
		}
		if err != nil {
			h.sub.Fatal(err)
		}
	})
}
