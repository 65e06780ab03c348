package jsonobject

var (
	ParsePlain = parsePlain
	ParseAny   = parseAny
)

const MaxPlain = maxPlain
