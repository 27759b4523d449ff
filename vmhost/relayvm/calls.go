package relayvm

import (
	"encoding/binary"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
)

// UpgradeCode announces new code for a para, by its owner.
type UpgradeCode struct {
	Para uint32
	Code primitives.Hash // uploaded before
}

func (UpgradeCode) kind() byte { return 3 }

func (c UpgradeCode) encode() []byte {
	return append(binary.BigEndian.AppendUint32(nil, c.Para), c.Code[:]...)
}

func readUpgrade(b []byte) (Call, error) {
	p := payload{left: b}
	c := UpgradeCode{Para: p.u32(), Code: p.hash()}
	return c, p.end()
}

func (c UpgradeCode) apply(r *run, by primitives.Hash) (string, error) {
	size, err := r.knows(c.Code)
	para, config := r.world.paras[c.Para], &r.world.config.Active
	switch {
	case err != nil:
		return "", err
	case para == nil:
		return fmt.Sprintf("there is no para %d", c.Para), nil
	case para.Owner != by:
		return fmt.Sprintf("para %d has another owner", c.Para), nil
	case size == 0:
		return fmt.Sprintf("no code with the hash %v has been uploaded", c.Code), nil
	case !para.upgradable(r.above.height, config):
		return fmt.Sprintf("para %d may not be upgraded yet: new code is announced, or came less than %d blocks ago",
			c.Para, config.ValidationUpgradeFrequency), nil
	}
	p := *para
	p.Upgrade = &Upgrade{Code: c.Code, At: r.above.height + config.ValidationUpgradeDelay, ByOwner: true}
	r.world.setPara(p)
	return "", nil
}

// Claim has a parathread wait for a core, for one candidate. Its owner decides which collator may make it: zero, any.
type Claim struct {
	Para     uint32
	Collator primitives.Hash
}

func (Claim) kind() byte { return 4 }

func (c Claim) encode() []byte {
	return append(binary.BigEndian.AppendUint32(nil, c.Para), c.Collator[:]...)
}

func readClaim(b []byte) (Call, error) {
	p := payload{left: b}
	c := Claim{Para: p.u32(), Collator: p.hash()}
	return c, p.end()
}

func (c Claim) apply(r *run, by primitives.Hash) (string, error) {
	switch para := r.world.paras[c.Para]; {
	case para == nil:
		return fmt.Sprintf("there is no para %d", c.Para), nil
	case para.Owner != by:
		return fmt.Sprintf("para %d has another owner", c.Para), nil
	case para.Kind == Parachain:
		return scheduler.ErrParachain.Error(), nil
	}
	if err := r.world.cores.Claim(c.Para, c.Collator); err != nil {
		return err.Error(), nil //nolint:nilerr // it is a transaction that comes to nothing, and says why
	}
	return "", nil
}
