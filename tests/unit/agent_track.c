/*
 * What the agent's tracker makes of conversations: each is a row of transcripts[], with the text of
 * what is known at the end (agent_tracked.h). ">" is what the client says, "<" what the server
 * says.
 */
#include "modules/agent/track.h"
#include "tests/unit/agent_tracked.h"
#include "tests/unit/cmocka.h"
#include "tests/unit/counted.h"
#include <stdlib.h>

#define IN "< :s 001 me :Welcome\n"
#define ISUPPORT                                                                                   \
	"< :s 005 me PREFIX=(qaohv)~&@%+ CHANMODES=beI,k,l,imnpst CHANTYPES=# "                    \
	"CASEMAPPING=ascii :are supported by this server\n"
#define JOINED "< :me!u@h JOIN #a\n< :s 353 me = #a :@ann me\n< :s 366 me #a :End\n"

static const struct transcript {
	const char *name, *lines, *expected;
} transcripts[] = {
	/* who we are */
	{"before the welcome nobody is known",
         "> NICK me\n> USER u 0 * :The real me\n< :s 433 * me :In use\n< :s NOTICE * :hello\n",
         "user=u 0 * :The real me\n"},
	{"the welcome says the nick", "> NICK other\n" IN, "nick=me\n"},
	{"only the first welcome does", IN "< :s 001 you :Welcome\n", "nick=me\n"},
	{"USER with too few parameters", "> USER u 0 *\n", ""},
	{"USER as it was said", "@label=x USER  u  0 *   real\n> USER  u  0 *   real\n",
         "user=u  0 *   real\n"},
	{"USER counts until the welcome", "> USER a b c d\n" IN "> USER u 0 * :x\n",
         "nick=me\nuser=a b c d\n"},
	{"a new real name", "> USER u 0 * :x\n" IN "< :me!u@h SETNAME :The other me\n",
         "nick=me\nuser=u 0 * :The other me\n"},
	{"somebody's real name", "> USER u 0 * :x\n" IN "< :ann!u@h SETNAME :Ann\n",
         "nick=me\nuser=u 0 * :x\n"},
	{"a new nick", IN "< :me!u@h NICK :you\n", "nick=you\nuserhost=u@h\n"},
	{"a new nick in upper case", IN "< :ME NICK ME\n", "nick=ME\n"},
	{"a nick that was refused", IN "> NICK you\n< :s 433 me you :In use\n", "nick=me\n"},
	{"somebody's nick", IN "< :ann!u@h NICK bob\n", "nick=me\n"},
	{"nobody takes ours", IN JOINED "< :ann NICK me\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann\n"},
	{"accounts", IN "< :s 900 me me!u@h acc :You are now logged in as acc\n",
         "nick=me\naccount=acc\n"},
	{"an account before the welcome", "< :s 900 * *!*@* acc :You are now logged in as acc\n",
         "account=acc\n"},
	{"logged out", IN "< :s 900 me m acc :in\n< :s 901 me m :out\n", "nick=me\n"},
	{"account-notify", IN "< :me!u@h ACCOUNT acc\n< :ann!u@h ACCOUNT *\n",
         "nick=me\naccount=acc\n"},
	{"account-notify, logged out", IN "< :me ACCOUNT acc\n< :me ACCOUNT *\n", "nick=me\n"},
	{"own modes", IN "< :me MODE me :+iwx\n< :s MODE ME +B-w\n< :s MODE ann +o\n",
         "nick=me\nmodes=ixB\n"},
	{"221 says all of them", IN "< :me MODE me :+iw\n< :s 221 me +Rr\n", "nick=me\nmodes=Rr\n"},
	{"221 with none", IN "< :me MODE me :+iw\n< :s 221 me +\n", "nick=me\n"},
	{"own host", IN JOINED "< :s 396 me cloak :is now your displayed host\n",
         "nick=me\nuserhost=u@cloak\n#a topic=\"\": me!u@cloak @ann\n"},
	{"own host that is complete", IN "< :s 396 me v@cloak :is now your displayed host\n",
         "nick=me\nuserhost=v@cloak\n"},
	{"own host of an unknown user", IN "< :s 396 me cloak :is now your displayed host\n",
         "nick=me\n"},
	{"own host by CHGHOST", IN JOINED "< :me!u@h CHGHOST v cloak\n",
         "nick=me\nuserhost=v@cloak\n#a topic=\"\": me!v@cloak @ann\n"},

	/* capabilities */
	{"capabilities are in force once granted",
         "> CAP LS 302\n< :s CAP * LS * :a=1,2 b\n< :s CAP * LS :c\n> CAP REQ :a b\n"
         "< :s CAP * ACK :a b\n> CAP REQ :c\n< :s CAP * NAK :c\n",
         "cap=a\ncap=b\n"},
	{"CAP ACK of several lines", "< :s CAP * ACK * :a b\n< :s CAP * ACK :c\n",
         "cap=a\ncap=b\ncap=c\n"},
	{"CAP ACK that takes back", "< :s CAP * ACK :a b\n< :s CAP me ACK :-a c\n",
         "cap=b\ncap=c\n"},
	{"CAP ACK with marks of old, and values", "< :s CAP * ACK :~a =b c=d -e=f ~=- - =\n",
         "cap=a\ncap=b\ncap=c\n"},
	{"CAP ACK without a source", "< CAP * ack a\n", "cap=a\n"},
	{"CAP NEW and DEL", "< :s CAP * ACK :a b\n< :s CAP me NEW :c\n< :s CAP me DEL :a x\n",
         "cap=b\n"},
	{"CAP twice", "< :s CAP * ACK :a\n< :s CAP me ACK :a\n", "cap=a\n"},
	{"malformed CAP", "< :s CAP\n< :s CAP *\n< :s CAP * ACK\n< :s CAP * ACK :\n", ""},

	/* away */
	{"away is what was answered", IN "> AWAY :out\n< :s 306 me :away\n", "nick=me\naway=out\n"},
	{"away, not answered", IN "> AWAY :out\n", "nick=me\npending=1\n"},
	{"back", IN "> AWAY :out\n< :s 306 me :away\n> AWAY\n< :s 305 me :back\n", "nick=me\n"},
	{"back by an empty text", IN "> AWAY :out\n< :s 306 me :away\n> AWAY :\n< :s 305 me :\n",
         "nick=me\n"},
	{"several at once", IN "> AWAY :a\n> AWAY\n> AWAY :b\n< :s 306 me :\n< :s 305 me :\n",
         "nick=me\npending=1\n"},
	{"several at once, all answered",
         IN "> AWAY :a\n> AWAY\n> AWAY :b\n< :s 306 me :\n< :s 305 me :\n< :s 306 me :\n",
         "nick=me\naway=b\n"},
	{"away by somebody else's will", IN "< :s 306 me :away\n", "nick=me\naway=\n"},
	{"back by somebody else's will", IN "> AWAY :a\n< :s 306 me :\n< :s 305 me :\n",
         "nick=me\n"},
	{"away, refused", IN "> AWAY :a\n> AWAY :b\n< :s 263 me AWAY :slow\n< :s FAIL AWAY X :no\n",
         "nick=me\n"},
	{"away, refused and again", IN "> AWAY :a\n> AWAY :b\n< :s 263 me away :\n< :s 306 me :\n",
         "nick=me\naway=b\n"},
	{"away-notify of others", IN "< :ann!u@h AWAY :x\n", "nick=me\n"},
	{"away-notify of us", IN "< :me!u@h AWAY :x\n", "nick=me\naway=x\n"},

	/* channels */
	{"a channel", IN JOINED, "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann\n"},
	{"a JOIN that is not answered yet", IN "> JOIN #a\n", "nick=me\npending=1\n"},
	{"until 366 not all are known", IN "< :me!u@h JOIN :#a\n< :s 353 me @ #a :@ann\n",
         "nick=me\nuserhost=u@h\n#a open not-named: me!u@h @ann\n"},
	{"366 without 353", IN "< :me!u@h JOIN #a\n< :s 366 me #a :End\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\" not-named: me!u@h\n"},
	{"a JOIN of another", IN JOINED "< :bob!b@c JOIN #a\n< :bob!b@c JOIN #b\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann bob!b@c\n"},
	{"a channel in another case", IN JOINED "< :bob!b@c JOIN #A\n< :s 332 me #A :x\n",
         "nick=me\nuserhost=u@h\n#a topic=\"x\": me!u@h @ann bob!b@c\n"},
	{"extended-join", IN "< :me!u@h JOIN #a acc :Real name\n",
         "nick=me\nuserhost=u@h\naccount=acc\n#a not-named: me!u@h\n"},
	{"extended-join, not logged in", IN "< :s 900 m m acc :x\n< :me!u@h JOIN #a * :Real name\n",
         "nick=me\nuserhost=u@h\n#a not-named: me!u@h\n"},
	{"several channels in a line", IN "< :me!u@h JOIN #a,#b\n< :me!u@h PART #a,#c\n",
         "nick=me\nuserhost=u@h\n#b not-named: me!u@h\n"},
	{"joined again", IN JOINED "< :me!u@h JOIN #a\n",
         "nick=me\nuserhost=u@h\n#a not-named: me!u@h\n"},
	{"left", IN JOINED "> PART #a\n< :me!u@h PART #a :bye\n", "nick=me\nuserhost=u@h\n"},
	{"kicked", IN JOINED "< :ann KICK #a me :go\n", "nick=me\nuserhost=u@h\n"},
	{"killed is not its business",
         IN JOINED "< :ann KILL me :go\n< :me!u@h QUIT :x\n< ERROR :x\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann\n"},
	{"others leave",
         IN JOINED "< :bob JOIN #a\n< :cat JOIN #a\n< :dan JOIN #a\n< :bob PART #a\n"
                   "< :ann KICK #a CAT :go\n< :dan!d@e QUIT :bye\n< :eve QUIT\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann\n"},
	{"quit from all channels",
         IN JOINED "< :me JOIN #b\n< :ann!a@b JOIN #b\n< :Ann!a@b QUIT :net split\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h\n#b not-named: me\n"},
	{"nicks keep what they have",
         IN JOINED "< :ann NICK Bob\n< :bob NICK BOB\n< :me NICK you\n",
         "nick=you\nuserhost=u@h\n#a topic=\"\": @BOB you!u@h\n"},
	{"a nick that was somebody's", IN JOINED "< :bob JOIN #a\n< :bob NICK ann\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h ann\n"},
	{"hosts", IN JOINED "< :ann!a@b CHGHOST c d\n< :bob!a@b CHGHOST c d\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann!c@d\n"},
	{"hosts by WHO",
         IN JOINED "< :s 352 me #a c d s ann H@ :0 real\n< :s 352 me * c d s me H :0\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann!c@d\n"},
	{"a channel is renamed", IN JOINED "< :s RENAME #a #Z :why\n< :s RENAME #c #d\n",
         "nick=me\nuserhost=u@h\n#Z topic=\"\": me!u@h @ann\n"},
	{"renamed to another that we are in", IN JOINED "< :me JOIN #b\n< :s RENAME #a #b :\n",
         "nick=me\nuserhost=u@h\n#b topic=\"\": me!u@h @ann\n"},
	{"renamed in case", IN JOINED "< :s RENAME #a #A :\n",
         "nick=me\nuserhost=u@h\n#A topic=\"\": me!u@h @ann\n"},
	{"renamed to what is no channel", IN JOINED "< :s RENAME #a ann :\n< :s RENAME #a :\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann\n"},
	{"what is no channel", IN "< :me!u@h JOIN a\n< :me!u@h JOIN 0\n< :me!u@h JOIN :\n",
         "nick=me\nuserhost=u@h\n"},
	{"channels we are not in",
         IN "< :ann JOIN #a\n< :ann TOPIC #a :x\n< :s 353 me = #a :@ann\n< :s 366 me #a :\n"
            "< :ann MODE #a +k x\n< :s 332 me #a :x\n< :ann PART #a\n< :ann KICK #a me\n",
         "nick=me\n"},

	/* topics */
	{"topics", IN JOINED "< :s 332 me #a :the topic\n< :s 333 me #a ann 1\n",
         "nick=me\nuserhost=u@h\n#a topic=\"the topic\": me!u@h @ann\n"},
	{"a topic before the names",
         IN "< :me!u@h JOIN #a\n< :s 332 me #a :x\n< :s 353 me = #a me\n< :s 366 me #a :\n",
         "nick=me\nuserhost=u@h\n#a topic=\"x\": me!u@h\n"},
	{"a new topic", IN JOINED "< :ann!a@b TOPIC #a :new one\n",
         "nick=me\nuserhost=u@h\n#a topic=\"new one\": me!u@h @ann\n"},
	{"no topic", IN JOINED "< :ann TOPIC #a :x\n< :s 331 me #a :No topic is set\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann\n"},
	{"an emptied topic", IN JOINED "< :ann TOPIC #a :x\n< :ann TOPIC #a :\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann\n"},

	/* names */
	{"names with hosts",
         IN "< :me!u@h JOIN #a\n< :s 353 me = #a :@ann!a@b +me!u@c bob\n"
            "< :s 366 me #a :\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": +me!u@c @ann!a@b bob\n"},
	{"all prefixes",
         IN ISUPPORT "< :s CAP me ACK :multi-prefix\n< :me JOIN #a\n"
                     "< :s 353 me = #a :~&@%+ann +@bob me\n< :s 366 me #a :\n",
         "nick=me\ncap=multi-prefix\n#a topic=\"\": me ~&@%+ann @+bob\n"},
	{"one prefix hides those below",
         IN ISUPPORT "< :me JOIN #a\n< :s 353 me = #a :@ann\n< :s 366 me #a :\n"
                     "< :s MODE #a +vh ann ann\n< :s 353 me = #a :@ann\n< :s 366 me #a :\n",
         "nick=me\n#a topic=\"\": me @%+ann\n"},
	{"one prefix shows that those above are gone",
         IN ISUPPORT "< :me JOIN #a\n< :s 353 me = #a :@ann\n< :s 366 me #a :\n"
                     "< :s MODE #a +vh ann ann\n< :s 353 me = #a :%ann\n< :s 366 me #a :\n",
         "nick=me\n#a topic=\"\": me %+ann\n"},
	{"no prefix shows that all are gone",
         IN JOINED "< :s MODE #a +v ann\n< :s 353 me = #a :ann me\n< :s 366 me #a :\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h ann\n"},
	{"with multi-prefix one prefix is all",
         IN "< :s CAP me ACK :multi-prefix\n" JOINED
            "< :s MODE #a +v ann\n< :s 353 me = #a :@ann\n< :s 366 me #a :\n",
         "nick=me\nuserhost=u@h\ncap=multi-prefix\n#a topic=\"\": me!u@h @ann\n"},
	{"NAMESX is multi-prefix",
         IN "> PROTOCTL UHNAMES namesx\n" JOINED
            "< :s MODE #a +v ann\n< :s 353 me = #a :@ann\n< :s 366 me #a :\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann\n"},
	{"names again",
         IN JOINED "< :bob JOIN #a\n< :cat JOIN #a\n> NAMES #a\n< :s 353 me = #a :bob\n"
                   "< :s 353 me = #a :+dan @me\n< :s 366 me #a :\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": @me!u@h bob +dan\n"},
	{"who comes and changes during names",
         IN JOINED "< :s 353 me = #a :me @ann\n< :bob JOIN #a\n< :ann NICK cat\n< :s 366 me #a :\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h bob @cat\n"},
	{"names of all channels",
         IN JOINED "< :bob JOIN #a\n< :s 353 me = #a :me @ann\n< :s 366 me * :End\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann\n"},
	{"names without the sign", IN "< :me JOIN #a\n< :s 353 me #a :@ann me\n< :s 366 me #a :\n",
         "nick=me\n#a topic=\"\": me @ann\n"},
	{"names with spaces",
         IN "< :me JOIN #a\n< :s 353 me = #a :  @ann  me  \n< :s 366 me #a :\n",
         "nick=me\n#a topic=\"\": me @ann\n"},
	{"nicks that are none",
         IN "< :me JOIN #a\n< :s 353 me = #a :@ + @!a@b !c ann\n< :s 366 me #a\n",
         "nick=me\n#a topic=\"\": me ann\n"},

	/* modes */
	{"prefixes", IN ISUPPORT JOINED "< :s MODE #a +ohv-o me me me ann\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": @%+me!u@h ann\n"},
	{"prefixes in their order", IN ISUPPORT JOINED "< :s MODE #a +vaq me me me\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": ~&+me!u@h @ann\n"},
	{"prefixes between other modes",
         IN ISUPPORT JOINED "< :s MODE #a +bklo-b+nv x!*@* key 5 me y!*@* ann\n",
         "nick=me\nuserhost=u@h\n#a key=key topic=\"\": @me!u@h @+ann\n"},
	{"-l has no value", IN ISUPPORT JOINED "< :s MODE #a -lo ann\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h ann\n"},
	{"-k has one", IN ISUPPORT JOINED "< :s MODE #a +k x\n< :s MODE #a -ko * ann\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h ann\n"},
	{"types as 005 says",
         IN "< :s 005 me CHANMODES=eIbq,k,flj,CF PREFIX=(ov)@+ :x\n" JOINED
            "< :s MODE #a +qfjCo a b c ann\n< :s MODE #a -fjov ann ann\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h ann\n"},
	{"too few values", IN JOINED "< :s MODE #a +ooo me\n< :s MODE #a\n< :s MODE #a +k\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": @me!u@h @ann\n"},
	{"of nobody", IN JOINED "< :s MODE #a +ov bob cat\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann\n"},
	{"more prefixes than are kept",
         IN "< :s 005 me PREFIX=(abcdefgho)12345678@ :x\n" JOINED
            "< :s MODE #a +abcdefgho me me me me me me me me me\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": 1234567me!u@h @ann\n"},
	{"no prefixes", IN "< :s 005 me PREFIX= :x\n" JOINED,
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h\n"},

	/* keys */
	{"a key", IN "> JOIN #a key\n" JOINED,
         "nick=me\nuserhost=u@h\n#a key=key topic=\"\": me!u@h @ann\n"},
	{"keys in turn", IN "> JOIN #a,#b,#c k1,,k3\n< :me JOIN #b\n< :me JOIN #a\n< :me JOIN #c\n",
         "nick=me\n#b not-named: me\n#a key=k1 not-named: me\n#c key=k3 not-named: me\n"},
	{"more keys than channels", IN "> JOIN #a k1,k2,k3\n< :me JOIN #a\n",
         "nick=me\n#a key=k1 not-named: me\n"},
	{"a wrong key, then the right one",
         IN "> JOIN #a bad\n> JOIN #a good\n< :s 475 me #a :no\n< :me JOIN #a\n",
         "nick=me\n#a key=good not-named: me\n"},
	{"no key, then the right one",
         IN "> JOIN #A\n> JOIN #a good\n< :s 475 me #a :no\n< :me JOIN #a\n",
         "nick=me\n#a key=good not-named: me\n"},
	{"a key that was wrong", IN "> JOIN #a bad\n< :s 475 me #a :no\n< :me JOIN #a\n",
         "nick=me\n#a not-named: me\n"},
	{"a refusal that was not told of", IN "> JOIN #a\n> JOIN #a k\n< :me JOIN #a\n",
         "nick=me\n#a key=k not-named: me\n"},
	{"a channel that we are in", IN "> JOIN #a k\n< :me JOIN #a\n> JOIN #a other\n",
         "nick=me\n#a key=k not-named: me\n"},
	{"out and in",
         IN "> JOIN #a k\n< :me JOIN #a\n> PART #a\n> JOIN #a l\n< :me PART #a\n"
            "< :me JOIN #a\n",
         "nick=me\n#a key=l not-named: me\n"},
	{"out of all and in",
         IN "> JOIN #a k\n< :me JOIN #a\n> JOIN 0\n> JOIN #a l\n< :me PART #a\n< :me JOIN #a\n",
         "nick=me\n#a key=l not-named: me\n"},
	{"out and in, and then again",
         IN "> JOIN #a\n< :me JOIN #a\n> PART #a\n> JOIN #a\n> JOIN #a k\n< :me PART #a\n"
            "< :s 475 me #a :\n< :s 475 me #a :\n> JOIN #a l\n< :me JOIN #a\n",
         "nick=me\n#a key=l not-named: me\n"},
	{"in, out and in at once",
         IN "> JOIN #a k\n> JOIN #a x\n> PART #a\n> JOIN #a l\n< :me JOIN #a\n< :me PART #a\n"
            "< :me JOIN #a\n",
         "nick=me\n#a key=l not-named: me\n"},
	{"in, out and in at once, at first with a wrong key",
         IN "> JOIN #a bad\n> PART #a\n> JOIN #a l\n< :s 475 me #a :\n< :s 442 me #a :\n"
            "< :me JOIN #a\n",
         "nick=me\n#a key=l not-named: me\n"},
	{"in, out and in at once, with wrong keys",
         IN "> JOIN #a bad\n> PART #a\n> JOIN #a bad\n< :s 475 me #a :\n< :s 442 me #a :\n"
            "< :s 475 me #a :\n> JOIN #a l\n< :me JOIN #a\n",
         "nick=me\n#a key=l not-named: me\n"},
	{"what was said after the JOIN is not answered",
         IN "> JOIN #a k\n> JOIN #a l\n< :me JOIN #a\n< :s KICK #a me\n> JOIN #a m\n"
            "< :me JOIN #a\n",
         "nick=me\n#a key=m not-named: me\n"},
	{"refused otherwise",
         IN "> JOIN #a k\n> JOIN #a l\n> JOIN #a m\n< :s 403 me #a :no\n"
            "< :s FAIL JOIN X #a :no\n< :me JOIN #a\n",
         "nick=me\n#a key=m not-named: me\n"},
	{"forwarded elsewhere", IN "> JOIN #a k\n< :s 470 me #a #b :Forwarding\n< :me JOIN #b\n",
         "nick=me\n#b not-named: me\n"},
	{"joined by the server", IN "< :me JOIN #a\n", "nick=me\n#a not-named: me\n"},
	{"a key is set and taken away", IN JOINED "< :ann MODE #a +k x\n< :ann MODE #a -k x\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann\n"},
	{"a key that is hidden", IN "> JOIN #a k\n" JOINED "< :s 324 me #a +ntk *\n",
         "nick=me\nuserhost=u@h\n#a key=k topic=\"\": me!u@h @ann\n"},
	{"a key that is told", IN JOINED "< :s 324 me #a +kl x 5\n",
         "nick=me\nuserhost=u@h\n#a key=x topic=\"\": me!u@h @ann\n"},

	/* MONITOR */
	{"MONITOR", IN "> MONITOR + ann,bob,cat\n< :s 730 me :ann!a@b,dan!d@d\n< :s 731 me :BOB\n",
         "nick=me\nmonitor=ann+\nmonitor=bob-\nmonitor=cat?\n"},
	{"MONITOR: gone again", IN "> MONITOR + ann\n< :s 730 me :ann!a@b\n< :s 731 me :ann\n",
         "nick=me\nmonitor=ann-\n"},
	{"MONITOR -", IN "> monitor + ann,bob\n> MONITOR - ANN,x\n> MONITOR L\n> MONITOR S\n",
         "nick=me\nmonitor=bob?\n"},
	{"MONITOR C", IN "> MONITOR + ann,bob\n> MONITOR C\n> MONITOR + cat\n",
         "nick=me\nmonitor=cat?\n"},
	{"MONITOR is full", IN "> MONITOR + a,b,c\n< :s 734 me 1 b,c :Monitor list is full.\n",
         "nick=me\nmonitor=a?\n"},
	{"MONITOR twice", IN "> MONITOR + a,A,a\n", "nick=me\nmonitor=a?\n"},
	{"MONITOR is unknown", IN "> MONITOR + a\n< :s 421 me MONITOR :Unknown command\n",
         "nick=me\n"},
	{"malformed MONITOR",
         IN "> MONITOR\n> MONITOR +\n> MONITOR :\n> MONITOR + ,,\n> MONITOR x a\n", "nick=me\n"},

	/* batches */
	{"batches", "< :s BATCH +a netsplit x y\n< @batch=a :s BATCH +b x\n< :s BATCH -a\n",
         "batch=b\n"},
	{"a netsplit", IN JOINED "< BATCH +a netsplit x y\n< @batch=a :ann QUIT :x y\n< BATCH -a\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h\n"},
	{"a labelled answer",
         IN "> @label=1 JOIN #a k\n< @label=1 :s BATCH +r labeled-response\n"
            "< @batch=r :me JOIN #a\n< @batch=r :s 353 me = #a :ann me\n"
            "< @batch=r :s 366 me #a :\n< :s BATCH -r\n",
         "nick=me\n#a key=k topic=\"\": me ann\n"},
	{"history has been",
         IN JOINED "< BATCH +h chathistory #a\n< @batch=h :ann PART #a\n"
                   "< @batch=h;time=x :me NICK you\n< @x;batch=h :bob JOIN #a\n"
                   "< :cat JOIN #a\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann cat\nbatch=h past\n"},
	{"history within others",
         IN JOINED "< BATCH +r labeled-response\n< @batch=r BATCH +h draft/chathistory #a\n"
                   "< @batch=h BATCH +m netsplit\n< @batch=m :ann QUIT\n< @batch=h BATCH -m\n"
                   "< @batch=r BATCH -h\n< @batch=r :bob JOIN #a\n< BATCH -r\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann bob\n"},
	{"a batch of that name again", "< BATCH +a x\n< BATCH +b y\n< BATCH +a chathistory\n",
         "batch=b\nbatch=a past\n"},
	{"malformed BATCH", "< BATCH\n< BATCH :\n< BATCH +\n< BATCH -\n< BATCH x\n< BATCH -x\n",
         ""},

	/* how names are compared */
	{"rfc1459 at first",
         IN "< :me JOIN #[]\\~\n< :ann JOIN #{}|^\n< :b^ JOIN #[]\\~\n"
            "< :B~ PART #{}|~\n",
         "nick=me\n#[]\\~ not-named: me ann\n"},
	{"strict-rfc1459",
         IN "< :s 005 me CASEMAPPING=strict-rfc1459 :x\n< :me JOIN #[]\\~\n< :ann JOIN #{}|^\n"
            "< :bob JOIN #{}|~\n",
         "nick=me\n#[]\\~ not-named: me bob\n"},
	{"ascii",
         IN ISUPPORT "< :me JOIN #A[\n< :ann JOIN #a{\n< :bob JOIN #a[\n< :BOB NICK [x\n"
                     "< :{X PART #a[\n",
         "nick=me\n#A[ not-named: me [x\n"},
	{"another mapping",
         IN "< :s 005 me CASEMAPPING=rfc8265 :x\n< :me JOIN #a[\n< :ann JOIN #a{\n",
         "nick=me\n#a[ not-named: me\n"},
	{"the mapping changes",
         IN ISUPPORT "< :me JOIN #[\n< :me JOIN #{\n< :ann JOIN #[\n> MONITOR + [,{,x\n"
                     "< :s 005 me -CASEMAPPING :x\n",
         "nick=me\n#{ not-named: me\nmonitor={?\nmonitor=x?\n"},
	{"ISUPPORT that cannot be read",
         IN "< :s 005 me PREFIX=(ov)@ PREFIX=ov@+ PREFIX=(ov PREFIX=(abcdefghijklmnop)"
            "1234567890123456 CHANTYPES=123456789 CHANMODES=abcdefghijklmnopqrstuvwxyzABCDEF "
            ":x\n" JOINED "< :s MODE #a +v ann\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @+ann\n"},
	{"ISUPPORT taken back",
         IN ISUPPORT "< :s 005 me -PREFIX -CHANTYPES -CHANMODES -X :x\n< :me JOIN &a\n",
         "nick=me\n&a not-named: me\n"},

	/* what is none of its business, and what is nothing */
	{"other lines",
         IN "< :ann PRIVMSG me :JOIN #a\n< @a :s NOTICE me :x\n< PING x\n> PRIVMSG x y\n",
         "nick=me\n"},
	{"lines that are none",
         IN "< \n<  \n< :\n< @\n< @a :b\n> \n> :x\n< :s\n< 3 x\n< 00 me\n< 0011 me\n", "nick=me\n"},
	{"too few parameters",
         IN JOINED "< 001\n< 005\n< 005 me\n< 221 me\n< 324 me\n< 332 me\n< 332 me #a\n< 353 me\n"
                   "< 353 me #a\n< 366 me\n< 396 me\n< 730 me\n< 734 me 1\n< 900 me\n< :me JOIN\n"
                   "< :me PART\n< :ann KICK #a\n< :ann NICK\n< :ann TOPIC\n< :me MODE me\n"
                   "< :ann CHGHOST x\n< :me RENAME #a\n< :ann SETNAME\n< :me ACCOUNT\n"
                   "> JOIN\n> PART\n> CAP\n> USER\n> MONITOR\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann\n"},
	{"words that cannot be said again",
         IN JOINED
         "< :me NICK :a b\n< :me NICK x!y\n< :me NICK :\n< :me JOIN :#b c\n< :me JOIN #b\rX\n"
         "< :s RENAME #a #b,c\n< :s RENAME #a :#b c\n< :ann MODE #a +k a,b\n"
         "< :ann MODE #a +k :a b\n< :ann MODE #a +k ::x\n< :s MODE me :+ \r,\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann\n"},
	{"no nick", "< :s 001 :\n< :s 001 :a b\n< :s 001 a@b\n", ""},
	{"no source",
         IN JOINED "< JOIN #a\n< PART #a\n< QUIT\n< NICK x\n< CHGHOST a b\n< ACCOUNT x\n",
         "nick=me\nuserhost=u@h\n#a topic=\"\": me!u@h @ann\n"},
};

struct world {
	struct counted mem;
	struct track t;
};

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	track_init(&w->t, counted_open(&w->mem));
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;

	track_fini(&w->t);
	assert_int_equal(w->mem.blocks, 0);
	free(w);
	return 0;
}

static void hear(struct track *t, const char *lines)
{
	char line[1000];

	for (const char *at = lines; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
		size_t n = strcspn(at, "\n");

		if (n < 2)
			continue;
		snprintf(line, sizeof(line), "%.*s", (int)n - 2, at + 2);
		if (*at == '>')
			track_client_line(t, line);
		else if (*at == '<')
			track_server_line(t, line);
		if (tracked_wrong(t) != NULL)
			fail_msg("after %s: not so: %s", line, tracked_wrong(t));
	}
}

static void expect(const struct track *t, const char *name, const char *expected)
{
	char *text = tracked_text(t);

	if (strcmp(text, expected) != 0)
		fail_msg("%s: known is\n%s\nand not\n%s", name, text, expected);
	free(text);
}

static void all_transcripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(transcripts) / sizeof(transcripts[0]); i++) {
		const struct transcript *row = &transcripts[i];
		void *world;

		open_world(&world);
		hear(&((struct world *)world)->t, row->lines);
		expect(&((struct world *)world)->t, row->name, row->expected);
		close_world(&world);
	}
}

/* --- what is asked of it --- */

static void what_the_client_can_do(void **state)
{
	struct track *t = &((struct world *)*state)->t;

	assert_false(t->cap_said);
	hear(t, "> CAP LS\n");
	assert_true(t->cap_said && !t->cap_302);
	hear(t, "> CAP LS 301\n> CAP REQ 302\n> CAP LS x\n");
	assert_false(t->cap_302);
	hear(t, "> cap ls 302\n> CAP LS\n");
	assert_true(t->cap_302);
	assert_false(track_has_cap(t, "a"));
	hear(t, "< :s CAP * ACK :a\n> PROTOCTL NAMESX\n");
	assert_true(track_has_cap(t, "a") && !track_has_cap(t, "A"));
	assert_true(t->namesx && !t->uhnames);
}

static void names_are_compared(void **state)
{
	struct track *t = &((struct world *)*state)->t;
	char *folded = track_folded(t, "A[]\\~^Z{|}\xc3\x84@");

	assert_string_equal(folded, "a{}|~~z{|}\xc3\x84@");
	gw_free(t->self, folded);
	folded = track_folded(t, "");
	assert_string_equal(folded, "");
	gw_free(t->self, folded);
	assert_true(track_same(t, "Ann[", "aNN{"));
	assert_false(track_same(t, "Ann", "Ann["));
	assert_false(track_same(t, "Ann[", "Ann"));
	assert_false(track_is_me(t, ""));
	hear(t, IN);
	assert_true(track_is_me(t, "ME") && !track_is_me(t, "men") && !track_is_me(t, ""));
	assert_true(track_is_channel(t, "#") && track_is_channel(t, "&x"));
	assert_false(track_is_channel(t, "") || track_is_channel(t, "+x"));
	assert_null(track_channel(t, ""));
	assert_null(track_watched(t, ""));
}

/* --- bounds --- */

static void too_many_channels(void **state)
{
	struct track *t = &((struct world *)*state)->t;
	char line[100];

	hear(t, IN);
	for (int i = 0; i < TRACK_CHANNELS_MAX + 50; i++) {
		snprintf(line, sizeof(line), "> JOIN #c%d key\n< :me JOIN #c%d\n", i, i);
		hear(t, line);
	}
	assert_int_equal(HASH_COUNT(t->channels), TRACK_CHANNELS_MAX);
	assert_null(track_channel(t, "#c500"));
	hear(t, "< :me PART #c0\n< :me JOIN #c500\n");
	assert_non_null(track_channel(t, "#c500"));
}

static void names_of(struct track *t, const char *channel, unsigned first, unsigned n)
{
	char line[100];

	for (unsigned i = first; i < first + n; i++) {
		snprintf(line, sizeof(line), ":s 353 me = %s :u%u", channel, i);
		track_server_line(t, line);
	}
}

static void a_channel_too_large(void **state)
{
	struct world *w = *state;
	struct track *t = &w->t;
	struct track_channel *c;

	hear(t, IN "< :me JOIN #a\n< :s MODE #a +o me\n");
	c = track_channel(t, "#a");
	names_of(t, "#a", 0, TRACK_MEMBERS_MAX - 1);
	hear(t, "< :s 366 me #a :\n");
	assert_true(c->named && !c->crowded);
	assert_int_equal(HASH_COUNT(c->members), TRACK_MEMBERS_MAX);
	hear(t, "< :u5 JOIN #a\n");
	assert_false(c->crowded);
	hear(t, "< :one JOIN #a\n");
	assert_true(c->crowded);
	expect(t, "crowded", "nick=me\n#a topic=\"\" crowded not-named: @me\n");
	assert_true(w->mem.bytes < 200000); /* the table is still that of many */
	hear(t, "< :two JOIN #a\n< :s MODE #a +o u5\n< :u5 PART #a\n< :u6 NICK u7\n");
	assert_int_equal(t->n_members, 1);
	/* fewer by now */
	names_of(t, "#a", 100, 10);
	hear(t, "< :s 353 me = #a :me\n< :s 366 me #a :\n");
	assert_true(c->named && !c->crowded);
	assert_int_equal(t->n_members, 11);
	/* too many of them */
	names_of(t, "#a", 0, TRACK_MEMBERS_MAX + 10);
	hear(t, "< :s 366 me #a :\n");
	assert_true(c->crowded && !c->names_open);
	assert_int_equal(t->n_members, 1);
}

static void too_many_people(void **state)
{
	struct world *w = *state;
	struct track *t = &w->t;
	char name[20], line[100];

	hear(t, IN);
	for (unsigned i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "#c%u", i);
		snprintf(line, sizeof(line), "< :me JOIN %s\n", name);
		hear(t, line);
		names_of(t, name, 0, TRACK_MEMBERS_MAX - 1);
		snprintf(line, sizeof(line), ":s 366 me %s :", name);
		track_server_line(t, line);
	}
	assert_int_equal(t->n_members, TRACK_PEOPLE_MAX + 1);
	assert_true(track_channel(t, "#c5")->crowded);
	assert_true(w->mem.bytes < 25 << 20);
	/* they all go at once */
	for (unsigned i = 0; i < TRACK_MEMBERS_MAX; i++) {
		snprintf(line, sizeof(line), ":u%u!a@b QUIT :net split", i);
		track_server_line(t, line);
	}
	assert_int_equal(t->n_members, 6);
	assert_null(tracked_wrong(t));
}

static void too_many_of_the_rest(void **state)
{
	struct track *t = &((struct world *)*state)->t;
	char line[100];

	hear(t, IN);
	for (int i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line),
		         "< :s CAP * ACK :c%d\n< BATCH +b%d x\n> MONITOR + m%d\n> JOIN #j%d k\n", i,
		         i, i, i);
		hear(t, line);
	}
	assert_int_equal(t->n_caps, TRACK_CAPS_MAX);
	assert_int_equal(t->n_batches, TRACK_BATCHES_MAX);
	assert_int_equal(HASH_COUNT(t->monitored), TRACK_MONITOR_MAX);
	assert_int_equal(t->n_pending, TRACK_PENDING_MAX);
	hear(t, "< :me JOIN #j1\n< :me JOIN #j999\n");
	assert_null(track_channel(t, "#j1")->key); /* so long ago that it was forgotten */
	assert_string_equal(track_channel(t, "#j999")->key, "k");
	hear(t, "> MONITOR C\n< :s CAP * DEL :c0\n< BATCH -b0\n");
	assert_int_equal(t->n_caps, TRACK_CAPS_MAX - 1);
	assert_int_equal(t->n_batches, TRACK_BATCHES_MAX - 1);
}

/* All that is known is filed anew each time, which no server needs often. */
static void another_mapping_again_and_again(void **state)
{
	struct track *t = &((struct world *)*state)->t;

	hear(t, IN "< :me JOIN #[\n");
	for (int i = 0; i < 100; i++)
		hear(t, "< :s 005 me CASEMAPPING=ascii CASEMAPPING=rfc1459 :x\n");
	assert_int_equal(t->refolds, TRACK_REFOLDS_MAX);
	assert_non_null(track_channel(t, "#["));
}

/* Names, keys and words that are too long are nothing; texts are cut, but not within a character.
 */
static void too_long(void **state)
{
	static const char *const lines[] = {
		":me NICK %s",       ":s 900 me m %s :x",    ":me ACCOUNT %s",
		":s CAP me ACK :%s", "BATCH +%s x",          ":me JOIN #%s",
		":s RENAME #a #%s",  ":%s JOIN #a",          ":s MODE #a +k %s",
		":s 396 me v@%s",    ":me!u@h CHGHOST v %s", ":s 352 me #a c %s s ann H",
		":s MODE #a +o %s",  ":ann NICK %s",         ":s 730 me %s",
	};
	struct track *t = &((struct world *)*state)->t;
	char word[5001], line[10100], *before;

	hear(t, IN JOINED "> MONITOR + ann\n");
	before = tracked_text(t);
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(line, sizeof(line), lines[i], word);
		track_server_line(t, line);
		expect(t, lines[i], before);
	}
	snprintf(line, sizeof(line), ":s 353 me = #a :@ann %s me", word);
	track_server_line(t, line);
	hear(t, "< :s 366 me #a :End\n");
	expect(t, "names", before);
	free(before);
	snprintf(line, sizeof(line), "JOIN #%s,#b,#c ,%s,k", word, word);
	track_client_line(t, line);
	hear(t, "< :me JOIN #b\n< :me JOIN #c\n");
	assert_null(track_channel(t, "#b")->key);
	assert_string_equal(track_channel(t, "#c")->key, "k");
	for (size_t i = 1; i + 2 < sizeof(word); i += 2)
		memcpy(word + i, "\xc3\xa4", 2);
	snprintf(line, sizeof(line), ":ann TOPIC #a :%s", word);
	track_server_line(t, line);
	assert_int_equal(strlen(track_channel(t, "#a")->topic), TRACK_TEXT_MAX - 1);
	assert_null(tracked_wrong(t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_transcripts),
		cmocka_unit_test_setup_teardown(what_the_client_can_do, open_world, close_world),
		cmocka_unit_test_setup_teardown(names_are_compared, open_world, close_world),
		cmocka_unit_test_setup_teardown(too_many_channels, open_world, close_world),
		cmocka_unit_test_setup_teardown(a_channel_too_large, open_world, close_world),
		cmocka_unit_test_setup_teardown(too_many_people, open_world, close_world),
		cmocka_unit_test_setup_teardown(too_many_of_the_rest, open_world, close_world),
		cmocka_unit_test_setup_teardown(another_mapping_again_and_again, open_world,
	                                        close_world),
		cmocka_unit_test_setup_teardown(too_long, open_world, close_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
