import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.List;
import org.h2.mvstore.MVStore;

/**
 * A server on 127.0.0.1 that speaks MongoDB's protocol and keeps its data in one file: for tests
 * on machines that have no {@code mongod}. It has no authentication.
 *
 * <p>Usage: {@code java -cp "CLASSES:JARS/*" MongoDbServer PORT FILE}
 */
public final class MongoDbServer {
    /** What it says it is: the lowest version that the driver and the adapter are content with. */
    private static final class Announced implements MongoVersion {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0, 0);
        }

        @Override
        public int getWireVersion() {
            return 13;
        }
    }

    /**
     * Commits before it answers. By itself the store commits once a second, and a killed server would
     * lose writes that it had acknowledged.
     */
    private static final class Durable extends H2Backend {
        private Durable(MVStore store) {
            super(store);
        }

        @Override
        public Document handleMessage(MongoMessage message) {
            Document answer = super.handleMessage(message);
            commit();
            return answer;
        }
    }

    private MongoDbServer() {}

    public static void main(String[] arguments) throws InterruptedException {
        int port = Integer.parseInt(arguments[0]);
        MVStore store = MVStore.open(arguments[1]);
        // Else every old version stays in the file for 45 seconds.
        store.setRetentionTime(0);
        H2Backend backend = new Durable(store);
        backend.version(new Announced());
        MongoServer server = new MongoServer(backend);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            server.shutdownNow();
            backend.close();
        }));
        server.bind("127.0.0.1", port);
        Thread.currentThread().join();
    }
}
