package relayvm

import (
	"encoding/binary"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// MaxPart is how many bytes of code one transaction uploads at most.
const MaxPart = 60 << 10

// Upload brings a part of some code: the bytes from an offset on. Parts come in order; with the last one the code is
// known by its hash, which is that of the bytes as they are, compressed or not. The first part pays for all.
type Upload struct {
	Code   primitives.Hash
	Size   uint32 // of the whole code
	Offset uint32
	Part   []byte
}

// Uploads are those that it takes to bring a code.
func Uploads(code []byte) (parts []Upload) {
	hash := primitives.HashOf(code)
	for at := 0; at < len(code); at += MaxPart {
		parts = append(parts, Upload{
			Code: hash, Size: uint32(len(code)), Offset: uint32(at), Part: code[at:min(at+MaxPart, len(code))],
		})
	}
	return parts
}

func (Upload) kind() byte { return 1 }

func (c Upload) encode() []byte {
	b := append([]byte{}, c.Code[:]...)
	b = binary.BigEndian.AppendUint32(b, c.Size)
	b = binary.BigEndian.AppendUint32(b, c.Offset)
	return append(b, c.Part...)
}

func readUpload(b []byte) (Call, error) {
	p := payload{left: b}
	c := Upload{Code: p.hash(), Size: p.u32(), Offset: p.u32(), Part: p.rest()}
	if err := p.end(); err != nil {
		return nil, err
	}
	if len(c.Part) == 0 || len(c.Part) > MaxPart || uint64(c.Offset)+uint64(len(c.Part)) > uint64(c.Size) {
		return nil, fmt.Errorf("a part of %d bytes at %d of %d", len(c.Part), c.Offset, c.Size)
	}
	whole := uint64(c.Offset)+uint64(len(c.Part)) == uint64(c.Size)
	if c.Offset%MaxPart != 0 || !whole && len(c.Part) != MaxPart {
		return nil, fmt.Errorf("all parts but the last one have %d bytes", MaxPart)
	}
	return c, nil
}

func (c Upload) apply(r *run, by primitives.Hash) (string, error) {
	config := &r.world.config.Active
	if c.Size > config.MaxCodeSize {
		return fmt.Sprintf("the code has %d bytes; at most %d are allowed", c.Size, config.MaxCodeSize), nil
	}
	known, err := r.knows(c.Code)
	if err != nil || known > 0 {
		return "", err // what is there needn't be brought
	}
	progress, err := r.get(uploadKey(by, c.Code))
	if err != nil {
		return "", err
	}
	if why := c.follows(progress); why != "" {
		return why, nil
	}
	if c.Offset == 0 {
		if why, err := r.pay(by, config.CodeDeposit*((uint64(c.Size)+1023)>>10)); why != "" || err != nil {
			return why, err
		}
	}
	end := c.Offset + uint32(len(c.Part))
	if end == c.Size {
		return c.complete(r, by)
	}
	if err := r.state.Load(r.ctx, partKey(by, c.Code, c.Offset)); err != nil {
		return "", err
	}
	r.state.Put(partKey(by, c.Code, c.Offset), c.Part)
	r.state.Put(uploadKey(by, c.Code), c.progress(end))
	return "", nil
}

// progress is an entry that says how much of how much is there.
func (c Upload) progress(end uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, c.Size), end)
}

// follows says why the part isn't the next one.
func (c Upload) follows(progress []byte) (why string) {
	if len(progress) != 8 {
		if c.Offset != 0 {
			return fmt.Sprintf("the part at %d comes before the first one", c.Offset)
		}
		return ""
	}
	size, end := binary.BigEndian.Uint32(progress), binary.BigEndian.Uint32(progress[4:])
	if size != c.Size || end != c.Offset {
		return fmt.Sprintf("the part is at %d of %d; %d of %d are there", c.Offset, c.Size, end, size)
	}
	return ""
}

// complete puts the parts together. When they have another hash, all are forgotten, and what was paid is gone.
func (c Upload) complete(r *run, by primitives.Hash) (string, error) {
	keys := []string{uploadKey(by, c.Code), codeKey(c.Code)}
	for at := uint32(0); at < c.Offset; at += MaxPart {
		keys = append(keys, partKey(by, c.Code, at))
	}
	if err := r.state.Load(r.ctx, keys...); err != nil {
		return "", err
	}
	code := make([]byte, 0, c.Size)
	for _, key := range keys[2:] {
		code = append(code, r.state.Get(key)...)
		r.state.Delete(key)
	}
	r.state.Delete(keys[0])
	code = append(code, c.Part...)
	if primitives.HashOf(code) != c.Code {
		return "the parts have another hash together; they are forgotten", nil
	}
	r.state.Put(codeKey(c.Code), code)
	r.state.Put(codeSizeKey(c.Code), codeSize(code))
	return "", nil
}
