package relayvm

import (
	"encoding/binary"
	"fmt"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
)

// LowestPara is the smallest id of a para that a user can register; those below are the genesis's.
const LowestPara = 1000

// Register makes a new para, whose owner is the sender. It gets its core, or may claim one, from the next session on.
type Register struct {
	Para uint32
	Kind Kind
	Code primitives.Hash // uploaded before
	Head []byte
}

func (Register) kind() byte { return 2 }

// kindBytes are kinds of paras in a payload.
var kindBytes = map[Kind]byte{Parachain: 1, Parathread: 2}

func (c Register) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, c.Para)
	b = append(b, kindBytes[c.Kind])
	b = append(b, c.Code[:]...)
	return append(b, c.Head...)
}

func readRegister(b []byte) (Call, error) {
	p := payload{left: b}
	id, kind := p.u32(), p.u8()
	c := Register{Para: id, Code: p.hash(), Head: p.rest()}
	for k, is := range kindBytes {
		if is == kind {
			c.Kind = k
		}
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	if c.Kind == "" || len(c.Head) > candidate.MaxHeadData {
		return nil, fmt.Errorf("a para of kind %d with a head of %d bytes", kind, len(c.Head))
	}
	return c, nil
}

func (c Register) apply(r *run, by primitives.Hash) (string, error) {
	size, err := r.knows(c.Code)
	config := &r.world.config.Active
	switch {
	case err != nil:
		return "", err
	case c.Para < LowestPara:
		return fmt.Sprintf("the smallest para that can be registered is %d", LowestPara), nil
	case r.world.paras[c.Para] != nil:
		return fmt.Sprintf("para %d is registered already", c.Para), nil
	case len(r.world.paras)+int(config.ThreadCores) >= scheduler.MaxCores:
		return "there are as many paras as there may be", nil
	case size == 0:
		return fmt.Sprintf("no code with the hash %v has been uploaded", c.Code), nil
	case len(c.Head) > int(config.MaxHeadDataSize):
		return fmt.Sprintf("the head has %d bytes; at most %d are allowed", len(c.Head), config.MaxHeadDataSize), nil
	}
	if why, err := r.pay(by, config.ParaDeposit); why != "" || err != nil {
		return why, err
	}
	r.world.setPara(Para{ID: c.Para, Kind: c.Kind, Owner: by, Head: c.Head, Code: c.Code, Since: r.above.height})
	return "", nil
}
