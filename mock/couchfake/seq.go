package couchfake

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"strconv"
	"strings"
)

// seqPrefix is how the opaque part of every real seq begins.
const seqPrefix = "g1AAAA"

// seqPayload is the length in bytes of the content of the opaque part: salt
// (1), filler (19), the database's incarnation (8), position (8), checksum (8).
// The filler only makes the text as long as a real one.
const seqPayload = 44

// seqText returns the opaque text of position n: `N-g1AAAA…`. The salt changes
// the text, not the meaning: two answers name the same position by different
// texts, as a cluster does. So a client that compares seqs fails visibly.
func (db *database) seqText(n int64, salt byte) string {
	var raw [seqPayload]byte
	raw[0] = salt
	for i := 1; i < 20; i++ {
		raw[i] = byte(int(salt) + i*37)
	}
	binary.BigEndian.PutUint64(raw[20:], db.incarnation)
	binary.BigEndian.PutUint64(raw[28:], uint64(n))
	binary.BigEndian.PutUint64(raw[36:], seqSum(raw[:36]))
	return strconv.FormatInt(n, 10) + "-" + seqPrefix + base64.RawURLEncoding.EncodeToString(raw[:])
}

// parseSeq reads a since parameter. "0" and "" are the beginning, "now" is the
// newest position; any other text must have been returned by such a server. A
// seq of a deleted database of the same name means the beginning: the real
// server finds another shard and rewinds to 0 as well. A seq that is ahead of a
// restored database stays ahead: the real server finds the same shard, and
// sends nothing until it has passed that position.
func (db *database) parseSeq(since string, newest int64) (n int64, err error) {
	switch since {
	case "", "0":
		return 0, nil
	case "now":
		return newest, nil
	}
	malformed := badRequest("Malformed sequence supplied in 'since' parameter.")
	number, opaque, _ := strings.Cut(since, "-"+seqPrefix)
	raw, err := base64.RawURLEncoding.DecodeString(opaque)
	if err != nil || len(raw) != seqPayload {
		return 0, malformed
	}
	if binary.BigEndian.Uint64(raw[36:]) != seqSum(raw[:36]) {
		return 0, malformed
	}
	n = int64(binary.BigEndian.Uint64(raw[28:]))
	if strconv.FormatInt(n, 10) != number {
		return 0, malformed
	}
	if binary.BigEndian.Uint64(raw[20:]) != db.incarnation {
		return 0, nil
	}
	return n, nil
}

// seqSum guards against invented seqs. It is a checksum, not a secret.
func seqSum(raw []byte) uint64 {
	h := fnv.New64a()
	h.Write([]byte("couchfake seq"))
	h.Write(raw)
	return h.Sum64()
}
