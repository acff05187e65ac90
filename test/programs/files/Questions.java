// SPDX-License-Identifier: MIT
/* What a Java program asks of its machine, a line each: the same on Debian and in a guest. */
import java.io.*;
import java.lang.management.ManagementFactory;
import java.net.*;
import java.nio.channels.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.nio.file.attribute.*;
import java.security.*;
import java.time.*;
import java.time.format.TextStyle;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;

public class Questions {
    static Path scratch;

    static void t(String name, Callable<?> ask) {
        Object answer;
        try {
            answer = ask.call();
        } catch (Throwable e) {
            answer = "EXC " + e;
        }
        System.out.println(name + " " + answer);
    }

    static String run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return text.strip() + " " + process.waitFor();
    }

    static String mode(String path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(Path.of(path)));
    }

    public static void main(String[] arguments) throws Exception {
        scratch = Files.createTempDirectory("questions");
        t("shell", () -> run("/bin/sh", "-c", "exit 3"));
        t("pipe", () -> run("sh", "-c", "echo a b | wc -w"));
        t("path", () -> run("cat", "/dev/null"));
        t("missing", () -> {
            try {
                return run("/no/such/program");
            } catch (IOException e) {
                return e.getMessage().contains("No such file");
            }
        });
        t("user", () -> System.getProperty("user.name"));
        t("home", () -> System.getProperty("user.home"));
        t("tmp", () -> System.getProperty("java.io.tmpdir"));
        t("os", () -> System.getProperty("os.name"));
        t("hostname", () -> !Set.of("", "(none)").contains(InetAddress.getLocalHost().getHostName()));
        t("itself", () -> InetAddress.getLocalHost().getHostAddress().length() > 0);
        t("localhost", () -> InetAddress.getByName("localhost").isLoopbackAddress());
        t("interfaces", () -> NetworkInterface.getByName("lo").isLoopback());
        t("reachable", () -> InetAddress.getByName("127.0.0.1").isReachable(2000));
        t("tcp", () -> {
            try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
                    Socket client = new Socket(server.getInetAddress(), server.getLocalPort());
                    Socket served = server.accept()) {
                served.getOutputStream().write('x');
                return (char) client.getInputStream().read();
            }
        });
        t("unix", () -> {
            UnixDomainSocketAddress address = UnixDomainSocketAddress.of(scratch.resolve("socket"));
            try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
                server.bind(address);
                return SocketChannel.open(address).isConnected();
            }
        });
        t("modes", () -> mode("/") + mode("/tmp") + mode("/run") + mode("/var/log") + mode("/root"));
        t("owner", () -> Files.getOwner(Path.of("/")).getName());
        t("nobody", () -> FileSystems.getDefault().getUserPrincipalLookupService().lookupPrincipalByName("nobody"));
        t("release", () -> Files.lines(Path.of("/etc/os-release")).filter((line) -> line.startsWith("ID=")).findFirst().get());
        t("zone", () -> ZonedDateTime.of(2020, 7, 1, 12, 0, 0, 0, ZoneId.of("Europe/Berlin")).getOffset());
        t("month", () -> Month.MAY.getDisplayName(TextStyle.FULL, Locale.GERMAN));
        t("charset", () -> "größe".getBytes(StandardCharsets.UTF_8).length);
        t("time", () -> {
            Path file = Files.createFile(scratch.resolve("old"));
            Files.setLastModifiedTime(file, FileTime.fromMillis(1_000_000_000_000L));
            return Files.getLastModifiedTime(file).toMillis();
        });
        t("link", () -> Files.readSymbolicLink(Files.createSymbolicLink(scratch.resolve("link"), Path.of("old"))));
        t("lock", () -> {
            try (FileChannel file = FileChannel.open(scratch.resolve("old"), StandardOpenOption.WRITE)) {
                return file.tryLock().isValid();
            }
        });
        t("mapping", () -> {
            try (FileChannel file = FileChannel.open(scratch.resolve("m"), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                return file.map(FileChannel.MapMode.READ_WRITE, 0, 5000).put(4999, (byte) 7).get(4999);
            }
        });
        t("watch", () -> {
            WatchService service = FileSystems.getDefault().newWatchService();
            scratch.register(service, StandardWatchEventKinds.ENTRY_CREATE);
            Files.createFile(scratch.resolve("seen"));
            return service.poll(20, TimeUnit.SECONDS).pollEvents().get(0).context();
        });
        t("threads", () -> IntStream.range(0, 50).parallel().map((n) -> n * n).sum());
        t("process", () -> ProcessHandle.current().info().command().get().endsWith("java"));
        t("digest", () -> HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest("abc".getBytes())).substring(0, 16));
        t("random", () -> SecureRandom.getInstanceStrong().generateSeed(8).length);
        t("authorities", () -> {
            javax.net.ssl.TrustManagerFactory factory = javax.net.ssl.TrustManagerFactory.getInstance("PKIX");
            factory.init((KeyStore) null);
            return ((javax.net.ssl.X509TrustManager) factory.getTrustManagers()[0]).getAcceptedIssuers().length > 50;
        });
        t("memory", () -> Runtime.getRuntime().maxMemory() > 0);
        t("cpus", () -> Runtime.getRuntime().availableProcessors() > 0);
        t("load", () -> ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage() >= 0);
    }
}
