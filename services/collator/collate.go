package collator

import (
	"maps"
	"slices"

	"github.com/reevenet/reeve/overseer/subsystem"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// maxParas is how many paras one collator works for.
const maxParas = 16

// collating is a block producer that is told when to build.
type collating struct {
	para  uint32
	m     *subsystem.Message
	known bool // the relay chain has the para
}

func (c *collator) onCollateOn(m *subsystem.Message, para uint32) {
	switch {
	case c.paras[para] != nil:
		refuse(m, collatorv1.CollateOnResponse_REFUSAL_ALREADY_COLLATING)
		return
	case len(c.paras) >= maxParas:
		m.Fail(subsystem.Failf(subsystem.Overloaded, "this collator works for %d paras already", maxParas))
		return
	}
	p := &collating{para: para, m: m}
	c.paras[para] = p
	m.OnCancel(func() { c.stop(p) })
	subsystem.Ask(c.sub, &keystorev1.PublicKeys{}, leaf.Timeout, func(r *keystorev1.PublicKeysResponse, err error) {
		c.onKeys(p, r, err)
	})
}

// onKeys begins the work, with the key that every descriptor will be signed with.
func (c *collator) onKeys(p *collating, r *keystorev1.PublicKeysResponse, err error) {
	if c.paras[p.para] != p {
		return
	}
	for _, k := range r.GetKeys() {
		c.key = k.GetKey()
	}
	switch {
	case err != nil:
		c.stop(p)
		p.m.Fail(err)
	case len(c.key) == 0:
		c.stop(p)
		refuse(p.m, collatorv1.CollateOnResponse_REFUSAL_NO_KEY)
	default:
		c.sub.Log.Info("collating begins", "para", p.para)
		for _, r := range c.sortedLeaves() {
			r.serve(p)
		}
	}
}

func (c *collator) stop(p *collating) {
	if c.paras[p.para] == p {
		delete(c.paras, p.para)
		c.connect()
	}
}

func refuse(m *subsystem.Message, why collatorv1.CollateOnResponse_Refusal) {
	m.Item(&collatorv1.CollateOnResponse{Item: &collatorv1.CollateOnResponse_Refusal_{Refusal: why}})
	m.End()
}

// collated lists the paras, ascending.
func (c *collator) collated() (list []*collating) {
	for _, id := range slices.Sorted(maps.Keys(c.paras)) {
		list = append(list, c.paras[id])
	}
	return list
}
