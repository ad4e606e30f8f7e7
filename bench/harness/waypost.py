"""waypost for a harness that drives routing daemons through a `Driver` class (see lib.py of that harness).

Link this file into the harness' drivers/ folder. $WAYPOST names the program; default: bin/waypost of this checkout.
The daemon is driven as a node's operator drives it: documents in a folder, a new route as one more document that is
renamed into the folder, and questions over the control socket.
"""
import http.client, ipaddress, json, os, socket
from lib import *

HERE = os.path.dirname(os.path.realpath(__file__))
WAYPOST = os.environ.get('WAYPOST', HERE + '/../../bin/waypost')
# No service manager sets it, and to read a system's certificates takes every Node 37 ms at its start.
os.environ.pop('NODE_EXTRA_CA_CERTS', None)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost', timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class D(Driver):
    name = 'waypost'
    caps = {'recv', 'fib', 'announce', 'latency', 'idle'}

    def configure(self, sc):
        self.sc = sc
        self.docs = self.wd + '/documents'
        self.ctl = self.wd + '/control.sock'
        os.makedirs(self.docs, exist_ok=True)
        meta = lambda name: {'name': name, 'namespace': 'metallb-system'}
        docs = [
            {'apiVersion': 'waypost.dev/v1', 'kind': 'Speaker', 'metadata': {'name': 'bench'},
             'spec': {'routerID': sc.rid, 'stateDir': self.wd, 'kernel': {'install': bool(sc.fib)}}},
            {'apiVersion': 'metallb.io/v1beta1', 'kind': 'IPAddressPool', 'metadata': meta('pool'),
             'spec': {'addresses': ['20.0.0.0/7', '99.0.0.0/8'], 'autoAssign': False}},
            {'apiVersion': 'metallb.io/v1beta1', 'kind': 'BGPAdvertisement', 'metadata': meta('nets'),
             'spec': {'ipAddressPools': ['pool'], 'aggregationLength': 24}},
        ]
        for i, p in enumerate(sc.peers):
            docs.append({'apiVersion': 'metallb.io/v1beta2', 'kind': 'BGPPeer', 'metadata': meta(f'p{i}'),
                         'spec': {'myASN': sc.las, 'peerASN': p['as'], 'peerAddress': p['ip'],
                                  'sourceAddress': sc.laddr, 'holdTime': '90s', 'keepaliveTime': '30s'}})
        docs.append({'apiVersion': 'frrk8s.metallb.io/v1beta1', 'kind': 'FRRConfiguration', 'metadata': meta('receive'),
                     'spec': {'bgp': {'routers': [{'asn': sc.las, 'neighbors': [
                         {'address': p['ip'], 'asn': p['as'], 'sourceaddress': sc.laddr, 'holdTime': '90s',
                          'keepaliveTime': '30s',
                          'toReceive': {'allowed': {'mode': 'all'}}} for p in sc.peers]}]}}})
        self.write('0-peers.yaml', docs)
        if sc.announce:
            self.write('1-services.yaml', [self.service(f's{i}', x) for i, x in enumerate(sc.announce)])

    def service(self, name, prefix):
        """A Service whose address lies in a /24; the BGPAdvertisement widens it to that."""
        net = ipaddress.ip_network(prefix)
        assert net.prefixlen == 24
        return {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': name},
                'spec': {'type': 'LoadBalancer', 'ports': [{'port': 80}]},
                'status': {'loadBalancer': {'ingress': [{'ip': str(net.network_address + 1)}]}}}

    def write(self, file, documents):
        path = f'{self.docs}/{file}'
        with open(path + '.new', 'w') as f:
            f.write('\n---\n'.join(json.dumps(d) for d in documents) + '\n')
        os.rename(path + '.new', path)

    def start(self):
        self.spawn([WAYPOST, 'run', '-c', self.docs, '--node', 'bench', '--control', self.ctl, '--http', 'off',
                    '--log-level', 'warn'], 'waypost')

    def rib_count(self):
        try:
            c = UnixConnection(self.ctl)
            c.request('GET', '/show/peers?peer=p0')
            return json.loads(c.getresponse().read())[0]['prefixes']['received']
        except (OSError, ValueError, LookupError, http.client.HTTPException):
            return 0

    def add(self, prefix):
        self.added = getattr(self, 'added', 0) + 1
        self.write(f'2-added-{self.added}.yaml', [self.service(f'added{self.added}', prefix)])
