// A bot that answers each message of one nick by its number: "anna 17" with "answer 17". What is written to its standard input it says, too.
// Every event of the library is logged but those of each line on the wire.
'use strict';

const fs = require('fs');
const readline = require('readline');
const IRC = require('irc-framework');

const [port, nick, password, room, asker, log] = process.argv.slice(2);
const client = new IRC.Client();
// The same again, or the answer to its own PING.
const untold = ['raw', 'debug', 'message', 'pong'];

function tell(text) {
	fs.appendFileSync(log, `${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

function say(text) {
	client.say(room, text);
	tell(`<${nick}> ${text}`);
}

const emit = client.emit;
client.emit = function (name, event) {
	if (name === 'privmsg' && event.target === room)
		tell(`<${event.nick}> ${event.message}`);
	else if (!untold.includes(name))
		tell(`* ${name} ${event instanceof Error ? event : JSON.stringify(event, (key, value) => (key === 'tags' ? undefined : value))}`);
	return emit.apply(this, arguments);
};

client.on('registered', () => client.join(room));
client.on('privmsg', (event) => {
	const found = /^\w+ (\d+)$/.exec(event.message);
	if (event.target === room && event.nick === asker && found)
		say(`answer ${found[1]}`);
});
readline.createInterface({ input: process.stdin }).on('line', say);
client.connect({ host: '127.0.0.1', port: Number(port), nick, username: nick, gecos: nick, account: { account: nick, password } });
